import type { Run } from '../../api/api';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { TextLink } from '../../ui/Page';
import { Fact } from '../database/Facts';

const triggers: Record<string, Key> = { schedule: 'run.trigger.schedule', catch_up: 'run.trigger.catch_up', copy: 'run.trigger.copy', retention: 'run.trigger.retention', retry: 'run.trigger.retry' };

/** Why a run is there, and how often it was tried. */
export function RunFacts({ run }: { run: Run }) {
  const { t, format } = useWording();
  const attempt = run.attempt ?? 0;
  const began = run.started ?? run.queued;
  return (
    <dl className="card facts">
      <Fact name={t(run.started ? 'run.began' : 'run.queued_at')}><time dateTime={began}>{format.time(new Date(began))}</time></Fact>
      <Fact name={t('run.why')}>{t((run.trigger && triggers[run.trigger]) ?? 'run.trigger.person')}</Fact>
      {run.job && <Fact name={t('jobs.name')}><TextLink to="/jobs/$job" params={{ job: run.job }}><bdi>{run.job}</bdi></TextLink></Fact>}
      {run.destination && <Fact name={t('database.where')}>{run.destination}</Fact>}
      {attempt > 0 && (attempt > 1 || run.retry_at) && <Fact name={t('run.attempt')}>{t('run.attempt_of', { n: attempt, all: Math.max(run.attempts ?? attempt, attempt) })}</Fact>}
    </dl>
  );
}
