import type { Backup, BackupQuery, DatabaseStatus, RestoreCheck } from './api';
import type { World } from './fake';
import { proofOf } from './fixtures';

/*
 * What the fake agent tells of single databases: their backups one by one, and
 * what it finds before a restore.
 */

const day = 86_400_000;

/** All backups, newest first, with the job that made each and what was written on it. */
export function backupsOf(w: Pick<World, 'databases' | 'jobs' | 'labels'>): Backup[] {
  const all = w.databases.flatMap((d) => {
    const job = w.jobs.find((j) => j.server === d.server && !j.paused && (j.databases[0] === '*' || j.databases.includes(d.database)));
    return historyOf(d).map((b) => ({ ...b, ...(job && { job: job.name }), ...w.labels[b.id] }));
  });
  return all.sort((a, b) => Date.parse(b.started) - Date.parse(a.started));
}

/** Those of them that a question asks for. */
export function matching(all: readonly Backup[], q: BackupQuery): Backup[] {
  const has = (text: string | undefined, part: string) => text?.toLowerCase().includes(part.trim().toLowerCase()) ?? false;
  const found = all.filter(
    (b) =>
      (q.database === undefined || b.database === q.database) &&
      (!q.destination || b.destination === q.destination || b.copies?.includes(q.destination)) &&
      (!q.pinned || b.pinned) &&
      (!q.tag || b.tags?.some((t) => t.toLowerCase() === q.tag?.toLowerCase())) &&
      (!q.search || [b.server, b.database, b.job, b.note, ...(b.tags ?? [])].some((text) => has(text, q.search ?? '')) || b.id.startsWith(q.search)),
  );
  return q.limit ? found.slice(0, q.limit) : found;
}

/** The backups of a database, newest first: the two of its row and one a day before them. One older was not proven, the proof of another failed. */
function historyOf(d: DatabaseStatus): Backup[] {
  const known = [d.last, d.proven].filter((b) => b !== undefined);
  const oldest = known.at(-1);
  if (!oldest) return [];
  const older = Array.from({ length: Math.max(0, d.backups - known.length) }, (_, i) => before(oldest, i + 1, d.backups));
  return [...known, ...older].filter((b, i, all) => all.findIndex((o) => o.id === b.id) === i);
}

function before(newer: Backup, days: number, all: number): Backup {
  const end = Date.parse(newer.finished) - days * day;
  const id = `b-${newer.database}-${all - 1 - days}`;
  const full = days % 7 === 0;
  const backup: Backup = {
    ...newer, id, type: full ? 'full' : 'incremental', started: new Date(end - 127_000).toISOString(), finished: new Date(end).toISOString(),
    plain_bytes: Math.round(newer.plain_bytes * (1 - days * 0.02 - (days % 3) * 0.012)), added_bytes: full ? newer.stored_bytes : newer.added_bytes + days * 1_300_000, rows: newer.rows - days * 41_207,
  };
  if (days === 3) delete backup.proof;
  else backup.proof = days === 5 ? disproved(backup) : { ...proofOf(id, 0, end + 271_000), rows: backup.rows, checks: checks(backup) };
  if (days === 1) backup.warnings = [{ code: 'postgres.standby_unlogged', params: { tables: 'sessions' } }];
  return backup;
}

function checks(b: Backup): NonNullable<Backup['proof']>['checks'] {
  return [
    { name: 'restore', status: 'ok', count: b.rows, seconds: 198.2 },
    { name: 'tables', status: 'ok', count: b.tables, seconds: 0.1 },
    { name: 'row_checksums', status: 'ok', count: b.tables, seconds: 48.4 },
    { name: 'indexes_valid', status: 'ok', count: 212, seconds: 0.3 },
    { name: 'constraints_valid', status: 'ok', count: 96, seconds: 0.1 },
    { name: 'amcheck', status: 'skipped', detail: 'extension amcheck is not there', seconds: 0 },
  ];
}

function disproved(b: Backup): NonNullable<Backup['proof']> {
  const failed = checks(b).map((c) => (c.name === 'row_checksums' ? { ...c, status: 'failed' as const, detail: 'public.orders: rows differ' } : c));
  return { ...proofOf(b.id, 0, Date.parse(b.finished)), status: 'failed', rows: b.rows, checks: failed };
}

/** A check of a restore: a name that is taken fails it, one role is missing. */
export function checkOf(b: Backup | undefined, wanted: string, overwrite: string | undefined, taken: readonly string[]): RestoreCheck {
  const database = wanted || `${b?.database ?? 'database'}_${(b?.finished ?? '').slice(0, 10).replaceAll('-', '')}`;
  const clash = taken.includes(database) && overwrite !== database;
  return {
    ok: !clash, database,
    checks: [
      { name: 'backup', status: 'ok' },
      { name: 'connection', status: 'ok' },
      clash ? { name: 'name', status: 'failed', problem: { code: 'engine.target_exists', params: { database } } } : { name: 'name', status: 'ok' },
      { name: 'version', status: 'ok' },
      { name: 'rights', status: 'ok' },
      { name: 'roles', status: 'warning', problem: { code: 'postgres.will_make_roles', params: { roles: 'report_reader' } } },
      { name: 'space', status: 'skipped' },
    ],
  };
}
