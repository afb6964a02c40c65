import { Checkbox } from '@mantine/core';
import { useState } from 'react';
import type { RecoveryKit } from '../../api/api';
import { problemOf, type Problem } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { Button } from '../../ui/Button';
import { copyText } from '../../ui/CopyField';
import { Card } from '../../ui/Page';
import { ProblemLine } from '../../ui/ProblemCard';
import { save } from '../../ui/save';
import { StateIcon } from '../../ui/StateIcon';

/** The kit, which is shown this once: its words, and the files to keep. It can be put away when the person says that it is kept. */
export function Paper({ kit, onClose }: { kit: RecoveryKit; onClose: () => void }) {
  const { t, format } = useWording();
  const [kept, setKept] = useState(false);
  const [copied, setCopied] = useState(false);
  const [saved, setSaved] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const name = `rahat-recovery-kit-${kit.created.slice(0, 10)}`;
  const keep = (ending: string, type: string, content: Parameters<typeof save>[2]) => {
    setProblem(undefined);
    save(`${name}.${ending}`, type, content).then((done) => setSaved(done), (e: unknown) => setProblem(problemOf(e)));
  };
  return (
    <Card title={t('kit.yours')}>
      <div className="card-b col gap-4">
        <div className="banner warn">
          <StateIcon look="warn" size={20} />
          <p className="grow">{t('kit.once')}</p>
        </div>
        <ol className="kit-words" translate="no">{kit.words.map((w, i) => <li key={i}><span className="dim">{format.count(i + 1)}</span> <b className="mono">{w}</b></li>)}</ol>
        <div className="row wrap">
          <Button kind="primary" icon="file" onClick={() => keep('pdf', 'application/pdf', bytesOf(kit.pdf))}>{t('kit.save_pdf')}</Button>
          <Button icon="download" onClick={() => keep('txt', 'text/plain', kit.text)}>{t('kit.save_text')}</Button>
          <Button icon={copied ? 'check' : 'copy'} onClick={() => void copyText(kit.text).then(setCopied)}>{copied ? t('run.copied') : t('kit.copy_text')}</Button>
          {saved && <span className="t-ok small" role="status">{t('kit.saved')}</span>}
        </div>
        {problem && <ProblemLine problem={problem} />}
        <p className="help">{t('kit.where')}</p>
        <div className="row wrap">
          <Checkbox label={t('kit.kept')} checked={kept} onChange={(e) => setKept(e.currentTarget.checked)} />
          <Button className="push" disabled={!kept} onClick={onClose}>{t('kit.put_away')}</Button>
        </div>
      </div>
    </Card>
  );
}

/** The bytes of base64. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
