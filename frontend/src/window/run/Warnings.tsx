import type { ProblemBody } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Card } from '../../ui/Page';
import { StateIcon } from '../../ui/StateIcon';
import './run.css';

/** What a run or a backup wants noticed though it succeeded. */
export function Warnings({ of }: { of: readonly ProblemBody[] | undefined }) {
  const { t, texts } = useWording();
  if (!of?.length) return null;
  return (
    <Card title={t('run.warnings', { count: of.length })}>
      <ul className="checks in-card">
        {of.map((w, i) => {
          const { title, remedy } = texts.problem(w);
          return (
            <li key={i}>
              <StateIcon look="warn" />
              <span className="med">{title}</span>
              <span className="dim mono">{w.code}</span>
              <span className="sub">{remedy}</span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
