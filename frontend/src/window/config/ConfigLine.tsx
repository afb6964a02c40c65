import { useRef, useState } from 'react';
import { Problem, problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemLine } from '../../ui/ProblemCard';
import { save } from '../../ui/save';
import { ImportDialog } from './ImportDialog';

/** The largest file that is read, in bytes: as large as the agent takes one. */
const largest = 1 << 20;

/** Reads what may be a configuration. What it is, the agent says; here it is only JSON or not. */
export async function readConfig(file: Pick<File, 'size' | 'text'>): Promise<unknown> {
  const nonsense = new Problem({ code: 'config.not_one' });
  if (file.size > largest) throw nonsense;
  const text = await file.text();
  try {
    return JSON.parse(text);
  } catch {
    throw nonsense;
  }
}

/** Takes the configuration along as one file, and brings one in. */
export function ConfigLine() {
  const { t } = useWording();
  const { api } = useAgent();
  const mayAct = useCanAct();
  const chooser = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<Problem>();
  const [saved, setSaved] = useState(false);
  const [file, setFile] = useState<{ content: unknown }>();
  const tell = (e: unknown) => setProblem(problemOf(e));
  const keep = async () => {
    setProblem(undefined);
    const config = await api.exportConfig();
    setSaved(await save(`rahat-${config.machine.replace(/[^\p{L}\p{N}._-]+/gu, '-')}-${config.written.slice(0, 10)}.json`, 'application/json', `${JSON.stringify(config, null, 2)}\n`));
  };
  const choose = async (chosen: File | undefined) => {
    setProblem(undefined);
    if (chosen) setFile({ content: await readConfig(chosen) });
  };
  return (
    <>
      <div className="choice">
        <div>
          <div className="med">{t('config.title')}</div>
          <p className="help">{t('config.help')}</p>
        </div>
        <div className="row wrap">
          {saved && <span className="t-ok small" role="status">{t('config.saved')}</span>}
          <Button icon="download" disabled={!mayAct} onClick={() => void keep().catch(tell)}>{t('config.export')}</Button>
          <Button icon="file" disabled={!mayAct} onClick={() => chooser.current?.click()}>{t('config.import')}</Button>
          <input
            ref={chooser}
            type="file"
            hidden
            accept=".json,application/json"
            aria-label={t('config.file')}
            onChange={(e) => {
              void choose(e.currentTarget.files?.[0]).catch(tell);
              e.currentTarget.value = ''; // the same one may be chosen again
            }}
          />
        </div>
      </div>
      {problem && <ProblemLine problem={problem} />}
      {file && <ImportDialog file={file.content} onClose={() => setFile(undefined)} />}
    </>
  );
}
