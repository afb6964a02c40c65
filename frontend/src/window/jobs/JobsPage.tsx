import { Switch } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Job, Run } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { isOver } from '../../state/live';
import { useAct, useAgent, useCanAct, useLink, useNow, useRuns } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Later, SkeletonRows } from '../../ui/Skeleton';
import { StateIcon, type Look } from '../../ui/StateIcon';
import { rests, useRunWords, waitsForRetry } from '../../ui/useRunWords';
import './jobs.css';
import { Next, useNextRuns } from './next';
import { scheduleWords } from './scheduleWords';

/** What is backed up by itself, and when. */
export function JobsPage() {
  const { t } = useWording();
  const { questions } = useAgent();
  const jobs = useQuery(questions.jobs);
  const lost = useLink().state === 'lost';
  const some = (jobs.data?.length ?? 0) > 0;
  return (
    <>
      <PageHead title={t('nav.jobs')}>{some && <LinkButton to="/new-job" kind="primary" icon="plus">{t('jobs.new')}</LinkButton>}</PageHead>
      {jobs.data ? (
        <List jobs={jobs.data} />
      ) : jobs.isError && !lost ? (
        <ProblemCard problem={problemOf(jobs.error)}><Button onClick={() => void jobs.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <Card><span className="sr" role="status">{t('jobs.loading')}</span><JobTable><Later><SkeletonRows count={4} widths={[120, 150, 140, 90, 90, 36]} /></Later></JobTable></Card>
      )}
    </>
  );
}

function List({ jobs }: { jobs: readonly Job[] }) {
  const { t } = useWording();
  const runs = useQuery(useAgent().questions.runs).data ?? [];
  const live = [...useRuns().values()].reverse();
  const next = useNextRuns();
  const turn = useAct((api, j: Job) => (j.paused ? api.resumeJob(j.name) : api.pauseJob(j.name)));
  const now = useNow();
  if (jobs.length === 0)
    return (
      <EmptyState title={t('jobs.none')} actions={<LinkButton to="/new-job" kind="primary" icon="plus">{t('jobs.new')}</LinkButton>}>
        {t('jobs.none_body')}
      </EmptyState>
    );
  return (
    <>
      {turn.error && <ProblemCard problem={turn.error}><Button onClick={() => turn.reset()}>{t('action.close')}</Button></ProblemCard>}
      <Card>
        <JobTable>
          {jobs.map((j) => {
            const last = [...live, ...runs].find((r) => r.job === j.name && r.kind === 'backup');
            return <Row key={j.name} job={j} last={last} next={next(j)} now={now} turning={turn.isPending && turn.variables.name === j.name} onTurn={() => turn.mutate(j)} />;
          })}
        </JobTable>
      </Card>
    </>
  );
}

function JobTable({ children }: { children: React.ReactNode }) {
  const { t } = useWording();
  return (
    <table className="tbl jbt">
      <colgroup><col className="c-j" /><col /><col className="c-n" /><col className="c-r" /><col className="c-o" /></colgroup>
      <thead>
        <tr>
          <th scope="col">{t('jobs.name')}</th>
          <th scope="col">{t('jobs.when')}</th>
          <th scope="col">{t('jobs.next')}</th>
          <th scope="col">{t('jobs.last')}</th>
          <th scope="col" className="n">{t('jobs.on')}</th>
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

interface RowProps {
  job: Job;
  last: Run | undefined;
  next: Date | undefined;
  now: Date;
  turning: boolean;
  onTurn: () => void;
}

function Row({ job: j, last, next, now, turning, onTurn }: RowProps) {
  const { t, lang } = useWording();
  const mayAct = useCanAct();
  const what = useWhat(j);
  const where = j.destinations.join(', ');
  const when = scheduleWords(t, lang, j.schedule, j.zone);
  return (
    <tr className={j.paused ? 'off' : ''}>
      <td>
        <TextLink className="med name cut" to="/jobs/$job" params={{ job: j.name }} title={j.name}><bdi>{j.name}</bdi></TextLink>
        <div className="dim small cut" title={what}><bdi>{what}</bdi></div>
      </td>
      <td>
        <div className="cut" title={when}>{when}</div>
        <div className="dim small cut" title={where}>{t('jobs.to', { where })}</div>
      </td>
      <td className="mut">{j.paused ? t('jobs.paused') : j.schedule ? <Next at={next} now={now} /> : ''}</td>
      <td><Last run={last} now={now} /></td>
      <td className="n">
        <Switch checked={!j.paused} disabled={!mayAct || turning} onChange={onTurn} aria-label={t('jobs.turn', { name: j.name })} />
      </td>
    </tr>
  );
}

/** The databases of a job in a line. */
export function useWhat(j: Job): string {
  const { t } = useWording();
  return j.databases[0] === '*' ? t('jobs.all_of', { server: j.server }) : j.databases.join(', ');
}

const looks: Record<string, Look> = { ok: 'ok', running: 'run', queued: 'off', failed: 'bad', cancelled: 'off', interrupted: 'warn' };

function Last({ run, now }: { run: Run | undefined; now: Date }) {
  const { t, format } = useWording();
  const words = useRunWords();
  if (!run) return <span className="dim">{t('jobs.never')}</span>;
  const at = new Date(run.finished ?? run.started ?? run.queued);
  return (
    <span className="row top">
      <StateIcon look={rests(run) ? 'off' : (looks[run.status] ?? 'off')} />
      <span className="grow">
        <TextLink className="cut" to="/runs/$run" params={{ run: run.id }} title={format.time(at)}>{words.status(run)}</TextLink>
        {isOver(run) && <div className="dim small">{format.ago(at, now)}</div>}
        {waitsForRetry(run) && <div className="dim small cut" title={words.attempt(run)}>{words.retry(run, now)}</div>}
      </span>
    </span>
  );
}
