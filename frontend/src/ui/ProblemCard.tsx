import type { ReactNode } from 'react';
import type { ProblemBody } from '../api/api';
import type { Problem } from '../api/problem';
import { useWording } from '../i18n/react';
import { StateIcon } from './StateIcon';

/** What happened and what to do about it; the code is small, for those who ask for help. `children` are the remedy's buttons. */
export function ProblemCard({ problem, look = 'bad', children }: { problem: Problem | ProblemBody; look?: 'bad' | 'warn'; children?: ReactNode }) {
  const { texts } = useWording();
  const { title, remedy } = texts.problem(problem);
  return (
    <section className="card pad col gap-3" role={look === 'bad' ? 'alert' : 'status'}>
      <div className="row top">
        <StateIcon look={look} size={20} />
        <h2 className="t grow">{title}</h2>
        <span className="tag mono">{problem.code}</span>
      </div>
      <p className="mut">{remedy}</p>
      {children && <div className="row wrap">{children}</div>}
    </section>
  );
}

/** The same in two lines, within a dialog or under a field. */
export function ProblemLine({ problem }: { problem: Problem | ProblemBody }) {
  const { texts } = useWording();
  const { title, remedy } = texts.problem(problem);
  return (
    <div className="row top" role="alert">
      <StateIcon look="bad" />
      <p className="small"><b>{title}</b> <span className="mut">{remedy}</span></p>
    </div>
  );
}
