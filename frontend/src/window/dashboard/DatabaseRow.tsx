import { memo } from 'react';
import type { DatabaseStatus } from '../../api/api';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { isOver, type LiveRun } from '../../state/live';
import { useCanAct, useLink, useRuns } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { EngineBadge, engineName } from '../../ui/EngineBadge';
import { FreshnessBar } from '../../ui/FreshnessBar';
import { Icon } from '../../ui/Icon';
import { ProgressBar } from '../../ui/ProgressBar';
import { TextLink } from '../../ui/Page';
import { ProofAge } from '../../ui/Proof';
import { SizeTrend } from '../../ui/SizeTrend';
import { StateIcon, type Look } from '../../ui/StateIcon';
import { lookOf } from '../../ui/StateSentence';
import { rests, shareOf, useRunWords, waitsForRetry } from '../../ui/useRunWords';
import { canBackUp, needsLogin } from './remedy';
import type { Starter } from './useStart';

export function rowKey(d: DatabaseStatus): string {
  return [d.engine, d.server ?? d.found?.address ?? '', d.database].join('\n');
}

/** The run that works on a database now, if one does. */
export function runFor(d: DatabaseStatus, runs: ReadonlyMap<string, LiveRun>): LiveRun | undefined {
  if (!d.server) return undefined;
  return [...runs.values()].find((r) => !isOver(r) && r.kind !== 'restore' && r.server === d.server && r.database === d.database);
}

/** What was only found is no failure: it is off, until somebody wants it protected. */
function lookOfRow(d: DatabaseStatus, run: LiveRun | undefined, lost: boolean): Look {
  if (run && !rests(run)) return lost ? 'off' : 'run';
  return d.found ? 'off' : lookOf(d.state);
}

const states: Record<string, Key> = { protected: 'state.protected', attention: 'state.attention', not_protected: 'state.not_protected' };

/** It is drawn anew only when something of it changed, so that long tables scroll smoothly. */
export const DatabaseRow = memo(function DatabaseRow({ of: d, now, starter, index }: { of: DatabaseStatus; now: Date; starter: Starter; index?: number }) {
  const { t, format } = useWording();
  const lost = useLink().state === 'lost';
  const run = runFor(d, useRuns());
  const words = useRunWords();
  const place = d.server ?? d.found?.address ?? '';
  const name = d.database || place;
  const state = run ? words.doing(run) : t(states[d.state] ?? 'state.unknown');
  return (
    <tr aria-rowindex={index}>
      <td>
        <span className="row">
          <StateIcon look={lookOfRow(d, run, lost)} label={state} />
          <EngineBadge engine={d.engine} />
          <span className="cut" title={`${name} · ${place}`}><Name of={d} name={name} />{d.database && <span className="dim small"> {place}</span>}</span>
        </span>
      </td>
      <td className="hide-m mut">{product(d)}</td>
      <td>{run ? <RowProgress run={run} now={now} /> : d.last ? <FreshnessBar at={d.last.finished} now={now} overdue={d.concern === 'overdue'} /> : <Without of={d} />}</td>
      <td className="mut">{d.last && <ProofAge proven={d.proven} concern={d.concern} now={now} />}</td>
      <td className="hide-s mut"><NextRun of={d} run={run} now={now} /></td>
      <td className="hide-m"><SizeTrend values={d.trend} /></td>
      <td className="n">{d.size_bytes > 0 ? format.bytes(d.size_bytes) : ''}</td>
      <td><Actions of={d} name={name} run={run} starter={starter} /></td>
    </tr>
  );
});

/** When it is backed up next: now, by another attempt, or by schedule. */
function NextRun({ of: d, run, now }: { of: DatabaseStatus; run: LiveRun | undefined; now: Date }) {
  const { t, format } = useWording();
  if (run && !rests(run)) return t('databases.now');
  const next = run && waitsForRetry(run) ? run.retry_at : d.next;
  return next && <time dateTime={next} title={format.time(new Date(next))}>{format.coming(new Date(next), now)}</time>;
}

/** A name leads to the page of the database, where there is one. */
function Name({ of: d, name }: { of: DatabaseStatus; name: string }) {
  if (!d.server || !d.database) return <bdi className="med">{name}</bdi>;
  return (
    <TextLink className="med name" to="/databases/$server/$database" params={{ server: d.server, database: d.database }}>
      <bdi>{name}</bdi>
    </TextLink>
  );
}

/** Why there is no backup, where that is known. */
function Without({ of: d }: { of: DatabaseStatus }) {
  const { t, texts } = useWording();
  const problem = d.found?.problem ?? d.problem;
  if (d.found && needsLogin(d.found)) return <span className="dim">{t('databases.login')}</span>;
  if (problem) return <span className="t-bad" title={texts.problem(problem).title}>{texts.problem(problem).title}</span>;
  return <span className="dim">{t(!d.present ? 'databases.gone' : !d.readable && d.database ? 'databases.unreadable' : 'databases.never')}</span>;
}

function product(d: DatabaseStatus): string {
  const name = d.found?.product ?? engineName(d.engine);
  const [version = ''] = (d.found?.version ?? d.last?.server_version ?? '').split(' '); // "15.14 (Debian 15.14-0)"
  return `${name} ${version}`.trim();
}

function RowProgress({ run, now }: { run: LiveRun; now: Date }) {
  const { format } = useWording();
  const words = useRunWords();
  const share = shareOf(run);
  if (waitsForRetry(run)) return <span className="dim" title={words.attempt(run)}>{words.retry(run, now)}</span>;
  if (run.status === 'queued') return <span className="dim">{words.status(run)}</span>;
  return (
    <span className="fresh">
      <ProgressBar share={share} label={words.doing(run)} />
      {run.held ? (
        <span className="cut dim"><span className="hide-s">{share !== undefined && format.percent(share)} </span>{words.status(run)}</span>
      ) : (
        <span>{share === undefined ? words.status(run) : format.percent(share)} <span className="dim hide-s">{words.left(run)}</span></span>
      )}
    </span>
  );
}

/** What can be done with a database. The words are icons in a small window, and then still what readers hear. */
function Actions({ of: d, name, run, starter }: { of: DatabaseStatus; name: string; run: LiveRun | undefined; starter: Starter }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const what = d.found ? t('databases.protect') : t('databases.back_up');
  return (
    <span className="row g1 actions">
      {run ? (
        <span className="dim small hide-s">{rests(run) ? '' : t('databases.working')}</span>
      ) : (
        <Button kind="quiet" small aria-label={`${what}: ${name}`} disabled={!mayAct || starter.busy || !canBackUp(d)} onClick={() => void starter.start([d])}>
          <span className="only-s"><Icon name="backup" size={14} /></span>
          <span className="hide-s">{what}</span>
        </Button>
      )}
      {d.last && (
        <LinkButton kind="quiet" small to="/restore/$backup" params={{ backup: d.last.id }} aria-label={`${t('databases.restore')} ${name}`}>
          <span className="only-s"><Icon name="restore" size={14} /></span>
          <span className="hide-s">{t('databases.restore')}</span>
        </LinkButton>
      )}
    </span>
  );
}
