import type { ScriptResult } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Card } from '../../ui/Page';
import { StateIcon, type Look } from '../../ui/StateIcon';
import './run.css';

const looks: Record<ScriptResult['status'], Look> = { ok: 'ok', failed: 'bad', skipped: 'off' };

/** How the person's own scripts around a backup ended, with the end of what they wrote. */
export function Scripts({ of }: { of: readonly ScriptResult[] | undefined }) {
  const { t, texts, format } = useWording();
  if (!of?.length) return null;
  return (
    <Card title={t('jobs.scripts')}>
      <ul className="checks in-card">
        {of.map((s) => (
          <li key={`${s.place} ${s.number}`}>
            <StateIcon look={looks[s.status]} label={t(`run.check.${s.status}`)} />
            <span className="med">{t(`run.script.${s.place}`, { n: s.number })}</span>
            <span className="dim small">{s.status === 'skipped' ? t('run.check.skipped') : format.duration(s.seconds * 1000)}</span>
            {s.problem && <span className="sub t-bad">{texts.problem(s.problem).title}</span>}
            {s.output && <pre className="sub script">{s.output}</pre>}
          </li>
        ))}
      </ul>
    </Card>
  );
}
