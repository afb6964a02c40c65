import { useQuery } from '@tanstack/react-query';
import type { Run } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { isOver, type LiveRun } from '../../state/live';
import { useAgent, useLink, useNow, useRuns } from '../../state/react';
import { Button } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { ProgressBar } from '../../ui/ProgressBar';
import { Later, SkeletonRows } from '../../ui/Skeleton';
import { StateIcon, type Look } from '../../ui/StateIcon';
import { rests, shareOf, useRunWords, waitsForRetry } from '../../ui/useRunWords';
import { Hold } from '../run/Hold';
import { TryNow } from '../run/TryNow';
import './activity.css';
import { DeadRuns } from './DeadRuns';

/** What was done and what is going on, the newest first. */
export function Activity() {
  const { t } = useWording();
  const now = useNow();
  const runs = useQuery(useAgent().questions.runs);
  const live = useRuns();
  const lost = useLink().state === 'lost';
  return (
    <>
      <PageHead title={t('nav.activity')} />
      <DeadRuns now={now} />
      {runs.data ? (
        <List runs={merge(runs.data, live)} now={now} />
      ) : runs.isError && !lost ? (
        <ProblemCard problem={problemOf(runs.error)}><Button onClick={() => void runs.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <Card><span className="sr" role="status">{t('activity.loading')}</span><RunTable><Later><SkeletonRows count={8} widths={[150, 120, 160, 80, 60, 60]} /></Later></RunTable></Card>
      )}
    </>
  );
}

/** The runs as listed, those that move as they stand now, and new ones before all. */
function merge(listed: readonly Run[], live: ReadonlyMap<string, LiveRun>): LiveRun[] {
  const known = new Set(listed.map((r) => r.id));
  const fresh = [...live.values()].filter((r) => !known.has(r.id));
  return [...fresh.reverse(), ...listed.map((r) => live.get(r.id) ?? r)];
}

function List({ runs, now }: { runs: readonly LiveRun[]; now: Date }) {
  const { t } = useWording();
  if (runs.length === 0) return <EmptyState title={t('activity.none')}>{t('activity.none_body')}</EmptyState>;
  return <Card><RunTable>{runs.map((r) => <Row key={r.id} run={r} now={now} />)}</RunTable></Card>;
}

function RunTable({ children }: { children: React.ReactNode }) {
  const { t } = useWording();
  return (
    <table className="tbl act">
      <colgroup><col /><col className="c-w" /><col className="c-r" /><col className="c-b hide-s" /><col className="c-d hide-s" /></colgroup>
      <thead>
        <tr>
          <th scope="col">{t('activity.what')}</th>
          <th scope="col">{t('activity.when')}</th>
          <th scope="col">{t('activity.result')}</th>
          <th scope="col" className="n hide-s">{t('activity.added')}</th>
          <th scope="col" className="n hide-s">{t('activity.took')}</th>
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

const looks: Record<string, Look> = { ok: 'ok', running: 'run', queued: 'off', failed: 'bad', cancelled: 'off', interrupted: 'warn' };

function Row({ run, now }: { run: LiveRun; now: Date }) {
  const { format, texts } = useWording();
  const words = useRunWords();
  const began = new Date(run.started ?? run.queued);
  const why = run.problem && texts.problem(run.problem).title;
  return (
    <tr>
      <td>
        <span className="row">
          <StateIcon look={rests(run) ? 'off' : (looks[run.status] ?? 'off')} label={words.status(run)} />
          <TextLink className="name" to="/runs/$run" params={{ run: run.id }} aria-label={`${words.kind(run)} ${run.database ?? ''} ${format.time(began)}`}>{words.kind(run)}</TextLink>
          <span className="cut" title={[run.server, run.database].filter(Boolean).join(' · ')}><bdi className="med">{run.database}</bdi> <span className="dim small">{run.server}</span></span>
        </span>
      </td>
      <td className="mut"><time dateTime={began.toISOString()} title={format.time(began)}>{format.ago(began, now)}</time></td>
      <td title={why}><Result run={run} now={now} why={why} /></td>
      <td className="n hide-s">{addedOf(run, (n) => format.bytes(n))}</td>
      <td className="n hide-s mut">{isOver(run) && run.finished ? format.duration(Date.parse(run.finished) - began.getTime()) : ''}</td>
    </tr>
  );
}

/** How a run ended, or how it stands and what can be done with it meanwhile. */
function Result({ run, now, why }: { run: LiveRun; now: Date; why: string | undefined }) {
  const words = useRunWords();
  if (isOver(run)) return <span className={run.status === 'failed' ? 't-bad' : 'mut'}>{why ?? words.status(run)}</span>;
  if (waitsForRetry(run)) return <span className="row"><span className="cut grow">{words.retry(run, now)}<span className="hide-s">, {words.attempt(run)}</span></span><TryNow run={run} named quiet /></span>;
  return <span className="row"><span className="grow">{run.status === 'running' ? <Moving run={run} /> : <span className="mut">{words.status(run)}</span>}</span><Hold run={run} small quiet /></span>;
}

function Moving({ run }: { run: LiveRun }) {
  const { format } = useWording();
  const words = useRunWords();
  const share = shareOf(run);
  return (
    <span className="fresh">
      <ProgressBar share={share} label={words.doing(run)} />
      <span className="cut">{share === undefined ? '' : format.percent(share)} <span className="dim">{words.doing(run)}</span></span>
    </span>
  );
}

function addedOf(run: Run, write: (n: number) => string): string {
  return run.kind === 'backup' && run.result && 'added_bytes' in run.result ? write(run.result.added_bytes) : '';
}
