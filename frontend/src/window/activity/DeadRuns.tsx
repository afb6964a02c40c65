import { useQuery } from '@tanstack/react-query';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { Card, TextLink } from '../../ui/Page';
import { StateIcon } from '../../ui/StateIcon';
import { useRunWords } from '../../ui/useRunWords';
import { DeadActions } from '../run/Dead';

/** The runs that failed for good and that nobody has seen to yet. */
export function DeadRuns({ now }: { now: Date }) {
  const { t, texts, format } = useWording();
  const words = useRunWords();
  const dead = useQuery(useAgent().questions.deadRuns).data ?? [];
  if (dead.length === 0) return null;
  return (
    <Card title={t('activity.dead')} count={format.count(dead.length)}>
      <ul className="checks in-card dead">
        {dead.map((r) => (
          <li key={r.id}>
            <StateIcon look="bad" />
            <span>
              <TextLink className="name med" to="/runs/$run" params={{ run: r.id }}>{t('run.label', { what: words.kind(r), name: r.database ?? r.destination ?? '' })}</TextLink>
              {r.finished && <span className="dim small"> {format.ago(new Date(r.finished), now)}</span>}
            </span>
            <span className="row g1"><DeadActions run={r} small /></span>
            {r.problem && <span className="sub">{texts.problem(r.problem).title}</span>}
          </li>
        ))}
      </ul>
    </Card>
  );
}
