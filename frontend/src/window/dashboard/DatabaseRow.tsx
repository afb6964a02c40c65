import type { DatabaseStatus } from '../../api/api';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { isOver, type LiveRun } from '../../state/live';
import { useLink, useRuns } from '../../state/react';
import { EngineBadge, engineName } from '../../ui/EngineBadge';
import { FreshnessBar } from '../../ui/FreshnessBar';
import { ProgressBar } from '../../ui/ProgressBar';
import { ProofAge } from '../../ui/Proof';
import { SizeTrend } from '../../ui/SizeTrend';
import { StateIcon } from '../../ui/StateIcon';
import { lookOf } from '../../ui/StateSentence';
import { shareOf, useRunWords } from '../../ui/useRunWords';

export function rowKey(d: DatabaseStatus): string {
  return [d.engine, d.server ?? d.found?.address ?? '', d.database].join('\n');
}

/** The run that works on a database now, if one does. */
export function runFor(d: DatabaseStatus, runs: ReadonlyMap<string, LiveRun>): LiveRun | undefined {
  if (!d.server) return undefined;
  return [...runs.values()].find((r) => !isOver(r) && r.kind !== 'restore' && r.server === d.server && r.database === d.database);
}

const states: Record<string, Key> = { protected: 'state.protected', attention: 'state.attention', not_protected: 'state.not_protected' };

export function DatabaseRow({ of: d, now, index }: { of: DatabaseStatus; now: Date; index?: number }) {
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
          <StateIcon look={run ? (lost ? 'off' : 'run') : lookOf(d.state)} label={state} />
          <EngineBadge engine={d.engine} />
          <span className="cut" title={`${name} · ${place}`}><bdi className="med">{name}</bdi>{d.database && <span className="dim small"> {place}</span>}</span>
        </span>
      </td>
      <td className="hide-s mut">{product(d)}</td>
      <td>{run ? <RowProgress run={run} /> : d.last ? <FreshnessBar at={d.last.finished} now={now} /> : <span className="dim">{t('databases.never')}</span>}</td>
      <td className="mut"><ProofAge proven={d.proven} disproven={d.concern === 'disproven'} now={now} /></td>
      <td className="hide-s"><SizeTrend values={d.trend} /></td>
      <td className="n">{d.size_bytes > 0 ? format.bytes(d.size_bytes) : ''}</td>
      <td />
    </tr>
  );
}

function product(d: DatabaseStatus): string {
  const name = d.found?.product ?? engineName(d.engine);
  return `${name} ${d.found?.version ?? d.last?.server_version ?? ''}`.trim();
}

function RowProgress({ run }: { run: LiveRun }) {
  const { format } = useWording();
  const words = useRunWords();
  const share = shareOf(run);
  if (run.status === 'queued') return <span className="dim">{words.status(run)}</span>;
  return (
    <span className="fresh">
      <ProgressBar share={share} label={words.doing(run)} />
      <span>{share === undefined ? words.status(run) : format.percent(share)} <span className="dim">{words.left(run)}</span></span>
    </span>
  );
}
