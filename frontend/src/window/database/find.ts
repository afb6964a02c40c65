import type { Backup, DatabaseStatus } from '../../api/api';
import { isOver, type LiveRun } from '../../state/live';

/** A database by its server and name; one that only backups know of is gone. */
export function findDatabase(server: string, database: string, listed: readonly DatabaseStatus[], backups: readonly Backup[]): DatabaseStatus | undefined {
  const row = listed.find((d) => d.server === server && d.database === database);
  const [last] = backups;
  if (row || !last) return row;
  const proven = backups.find(isProven);
  return {
    server, database, engine: last.engine, state: 'attention', present: false, readable: false, size_bytes: 0, backups: backups.length, trend: [], last,
    ...(proven && { proven }),
  };
}

export function isProven(b: Backup): boolean {
  return b.proof?.status === 'ok';
}

/** The run that goes on with a database, else the one that waits, else one that ended a moment ago. */
export function runOn(server: string, database: string, runs: ReadonlyMap<string, LiveRun>): LiveRun | undefined {
  const mine = [...runs.values()].filter((r) => r.server === server && r.database === database);
  return mine.find((r) => r.status === 'running') ?? mine.find((r) => r.status === 'queued') ?? mine.findLast(isOver);
}
