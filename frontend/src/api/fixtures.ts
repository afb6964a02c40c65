import type { Backup, BackupResult, DatabaseStatus, Found, Job, RecoveryKit, Run, Settings, StatusReport } from './api';

/*
 * What the fake agent knows at first: the seven databases of the drawings, at the
 * moment of the drawings. `at` counts minutes from now; before now is negative.
 */

export const moment = Date.UTC(2026, 10, 21, 10, 18);

export function at(minutes: number, now = moment): string {
  return new Date(now + minutes * 60_000).toISOString();
}

export function backupOf(over: Partial<Backup> = {}, now = moment): Backup {
  const finished = over.finished ?? at(-12, now);
  return {
    id: 'b-orders-1', type: 'incremental', depth: 3, engine: 'postgres', machine: 'deniz-pc', server: 'main', database: 'orders_prod', destination: 'disk',
    server_version: '17.2', started: new Date(Date.parse(finished) - 127_000).toISOString(), finished, plain_bytes: 18_400_000_000, stored_bytes: 412_000_000, added_bytes: 11_800_000, rows: 18_104_377, tables: 34, ...over,
  };
}

export function proofOf(backup: string, minutes: number, now = moment): NonNullable<Backup['proof']> {
  return {
    backup, status: 'ok', level: 'full', rows: 18_104_377, at: at(minutes, now), seconds: 271,
    checks: [{ name: 'restore', status: 'ok', seconds: 200 }, { name: 'row_checksums', status: 'ok', count: 34, seconds: 71 }],
  };
}

interface Seed { name: string; engine: string; version: string; server: string; bytes: number; newest: number; proven: number; next: number; trend: number[] }

const up = [9, 9.4, 9.9, 10.6, 10.2, 11.1, 12, 12.2, 11.8, 13, 12.9, 13.5, 14.2, 15];
const down = [15, 14.8, 13, 13.6, 11, 11.4, 9.6, 10.2, 9, 9.3, 8.1, 8.6, 7.4, 7];
const wave = [9, 10, 9.2, 11, 11.2, 9.6, 10.8, 12.4, 11, 12, 13.8, 12.9, 14, 14.6];
const seeds: Seed[] = [
  { name: 'orders_prod', engine: 'postgres', version: '17.2', server: 'main', bytes: 18_400_000_000, newest: -57, proven: -180, next: 42, trend: up },
  { name: 'billing', engine: 'postgres', version: '17.2', server: 'main', bytes: 6_210_000_000, newest: -12, proven: -300, next: 702, trend: wave },
  { name: 'web_shop', engine: 'mariadb', version: '11.4', server: 'shop', bytes: 3_870_000_000, newest: -48, proven: -540, next: 192, trend: up },
  { name: 'crm', engine: 'sqlserver', version: '2022', server: 'office', bytes: 41_000_000_000, newest: -660, proven: -1_440, next: 762, trend: up },
  { name: 'events', engine: 'mongodb', version: '8.0', server: 'mongo', bytes: 112_000_000_000, newest: -120, proven: -2_880, next: 222, trend: up },
  { name: 'analytics', engine: 'postgres', version: '16.6', server: 'warehouse', bytes: 67_200_000_000, newest: -600, proven: -5_760, next: 852, trend: down },
  { name: 'inventory.db', engine: 'sqlite', version: '3.46', server: 'inventory', bytes: 214_000_000, newest: -35, proven: -540, next: 792, trend: wave },
];

function database(s: Seed, now: number): DatabaseStatus {
  const of = { engine: s.engine, server: s.server, database: s.name, server_version: s.version, plain_bytes: s.bytes };
  const last = backupOf({ ...of, id: `b-${s.name}-9`, finished: at(s.newest, now) }, now);
  const provenId = `b-${s.name}-8`;
  const proven = backupOf({ ...of, id: provenId, finished: at(s.proven - 5, now), proof: proofOf(provenId, s.proven, now) }, now);
  return { server: s.server, engine: s.engine, database: s.name, state: 'protected', present: true, readable: true, size_bytes: s.bytes, backups: 9, last, proven, next: at(s.next, now), trend: s.trend.map((v) => v * 1e9) };
}

export function sevenDatabases(now = moment): DatabaseStatus[] {
  return seeds.map((s) => database(s, now));
}

export function foundOf(over: Partial<Found> = {}): Found {
  return { engine: 'postgres', product: 'PostgreSQL', version: '17.2', address: '127.0.0.1:5432', user: 'postgres', databases: [], ...over };
}

/** A database that discovery met on a server that is not configured. */
export function foundDatabase(name: string, found: Partial<Found> = {}, sizeBytes = 6_210_000_000): DatabaseStatus {
  const f = foundOf(found);
  return { engine: f.engine, database: name, state: 'not_protected', concern: 'no_backup', present: true, readable: f.problem === undefined, size_bytes: sizeBytes, backups: 0, trend: [], found: f, ...(f.problem && { problem: f.problem }) };
}

export function statusOf(over: Partial<StatusReport> = {}, now = moment): StatusReport {
  return {
    state: 'protected',
    headline: { code: 'state.protected', params: { n: '7' } },
    facts: { code: 'state.facts.proven', params: { newest: at(-12, now), proven: at(-180, now) } },
    paused: false, seq: 10, epoch: 'e1', active: [], servers: 6, jobs: 0, since: at(-1_000, now), ...over,
  };
}

export function settingsOf(over: Partial<Settings> = {}): Settings {
  return { language: 'system', theme: 'system', notify: 'all', start_at_login: true, at_login_possible: true, locale: 'en', ...over };
}

export function runOf(over: Partial<Run> = {}, now = moment): Run {
  return {
    id: 'r1', kind: 'backup', status: 'running', server: 'main', database: 'orders_prod', destination: 'disk', queued: at(-3, now), started: at(-3, now),
    progress: { phase: 'dump', item: 'public.order_items', done: 10_700_000_000, total: 18_400_000_000 }, ...over,
  };
}

export function resultOf(database: string): BackupResult {
  return { run: 'r1', backup: `b-${database}-9`, status: 'ok', database, type: 'incremental', plain_bytes: 18_400_000_000, stored_bytes: 412_000_000, added_bytes: 11_800_000, rows: 18_104_377, seconds: 127, verify: proofOf(`b-${database}-9`, 0) };
}

export function jobOf(over: Partial<Job> = {}): Job {
  return { name: 'nightly', server: 'main', databases: ['orders_prod', 'billing'], destinations: ['disk'], type: 'incremental', verify: 'full', paused: false, schedule: '02:00', ...over };
}

export function jobsOf(): Job[] {
  return [
    jobOf({ name: 'orders-hourly', databases: ['orders_prod'], destinations: ['disk', 'office-nas'], schedule: 'every 1h', full_schedule: 'sun 01:00', verify: 'basic', prove: 'sun 03:00', proof_days: 8, keep_hourly: 24, keep_daily: 21, keep_weekly: 8, keep_monthly: 12 }),
    jobOf({ name: 'billing-nightly', databases: ['billing'], destinations: ['office-nas'], schedule: '02:00', keep_daily: 3, keep_weekly: 1, before: [{ kind: 'sql', text: 'CALL close_the_day()' }], after: [{ kind: 'command', text: 'curl -fsS https://example.org/ping/$RAHAT_STATUS', seconds: 90, on_failure: 'warn', when: 'ok' }] }),
    jobOf({ name: 'everything', databases: ['*'], schedule: 'mon,thu 03:30', zone: 'Europe/Berlin', keep_last: 20 }),
    jobOf({ name: 'before-release', databases: ['orders_prod', 'billing'], schedule: '', paused: true }),
  ];
}

export function kitOf(): RecoveryKit {
  const words = 'legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title'.split(' ');
  return { identity: 'AGE-SECRET-KEY-1EXAMPLE', recipient: 'age1example', words, created: at(0), destinations: [{ name: 'disk', url: 'file:///backups', repository: 'r' }], text: 'The recovery kit', pdf: btoa('%PDF-1.7') };
}
