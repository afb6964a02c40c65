import { getRouteApi } from '@tanstack/react-router';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { isOver } from '../../state/live';
import { useLink } from '../../state/react';
import { Button } from '../../ui/Button';
import { PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { aboutOf, useRunWords } from '../../ui/useRunWords';
import { Outcome } from './Outcome';
import { RunFacts } from './RunFacts';
import { RunProgress } from './RunProgress';
import { Scripts } from './Scripts';
import { useRun } from './useRun';

const route = getRouteApi('/runs/$run');

/** One run, by itself: while it goes on and afterwards. */
export function RunPage() {
  const { t } = useWording();
  const words = useRunWords();
  const { run: id } = route.useParams();
  const { run, failed, retry } = useRun(id);
  const lost = useLink().state === 'lost';
  if (run)
    return (
      <>
        <PageHead crumb={<TextLink to="/activity">{t('nav.activity')}</TextLink>} title={aboutOf(run) ? t('run.label', { what: words.kind(run), name: aboutOf(run) }) : words.kind(run)} />
        {isOver(run) ? <Outcome run={run} /> : <RunProgress run={run} />}
        <RunFacts run={run} />
        <Scripts of={run.scripts} />
      </>
    );
  return (
    <>
      <PageHead crumb={<TextLink to="/activity">{t('nav.activity')}</TextLink>} title={t('run.other')} />
      {failed && !lost ? <ProblemCard problem={problemOf(failed)}><Button onClick={retry}>{t('action.retry')}</Button></ProblemCard> : <LoadingRun />}
    </>
  );
}

/** The place of a run that is being looked up. */
export function LoadingRun() {
  const { t } = useWording();
  return (
    <>
      <span className="sr" role="status">{t('run.loading')}</span>
      <Later>
        <section className="card pad col gap-4" aria-hidden="true">
          <div className="row g3"><Bone width={32} height={32} round /><Bone width={260} height={16} /></div>
          <Bone width="100%" height={6} />
          <Bone width={180} />
        </section>
      </Later>
    </>
  );
}
