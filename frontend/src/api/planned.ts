import { faceOf, isZone, offsetAt, timeIn } from '../format/zone';
import { cronOf } from '../window/jobs/schedule';
import type { Backup, ClockChange, Job, JobPreview, JobTemplate, RetentionEntry } from './api';
import { backupsOf } from './history';
import { Problem } from './problem';
import type { World } from './fake';

/*
 * What the fake agent answers of plans: the moments of a schedule as
 * internal/schedule finds them, and what a rule keeps as internal/retention does.
 */

const minute = 60_000;
const day = 86_400_000;
const years = 9 * 366;

/** What the agent would say of a job; it throws what it would refuse. */
export function previewOf(job: Job, world: World, now = Date.now()): JobPreview {
  const next = momentsOf(job.schedule, job.zone, now);
  const full = job.type === 'full' ? undefined : momentsOf(job.full_schedule, job.zone, now, 400);
  const known = world.jobs.find((j) => j.name === job.name);
  const entries = known ? entriesOf(known, job, world, now) : [];
  return {
    next, clocks: skippedOf(next, job.schedule, job.zone), next_full: full ? next.filter((at, i) => full.some((f) => f <= at && f > (next[i - 1] ?? new Date(now).toISOString()))) : next,
    prove: momentsOf(job.prove, job.zone, now), removed: entries.filter((e) => !e.keep), kept: entries.filter((e) => e.keep).length,
  };
}

/** Those of the moments of one time of day that the clocks skip. */
function skippedOf(next: readonly string[], spec = '', zone = ''): ClockChange[] {
  const times = spec.match(/\d{1,2}:\d{2}/g);
  if (times?.length !== 1) return [];
  const time = times[0].padStart(5, '0');
  return next.filter((at) => timeIn(new Date(at), zone) !== time).map((at) => ({ at, kind: 'skipped', time }));
}

/** What becomes of every backup by the rules of all jobs. */
export function pruneOf(world: World, now = Date.now()): RetentionEntry[] {
  return world.jobs.flatMap((j) => entriesOf(j, j, world, now));
}

/** The backups of a job as it is known, by the rule that is asked about. */
function entriesOf(known: Job, { keep_last = 0, keep_daily = 0, keep_weekly = 0, keep_monthly = 0, ...job }: Job, world: World, now: number): RetentionEntry[] {
  const bare = !keep_last && !keep_daily && !keep_weekly && !keep_monthly && !job.keep_hourly && !job.keep_days && !job.keep_yearly;
  const mine = backupsOf(world).filter((b) => b.job === known.name);
  const spans: [why: string, count: number, of: (b: Backup) => string][] = [
    ['last', keep_last, (b) => b.id], ['hourly', job.keep_hourly ?? 0, (b) => b.started.slice(0, 13)], ['daily', keep_daily, (b) => b.started.slice(0, 10)],
    ['weekly', keep_weekly, (b) => String(Math.floor((Date.parse(b.started) / day + 3) / 7))], ['monthly', keep_monthly, (b) => b.started.slice(0, 7)], ['yearly', job.keep_yearly ?? 0, (b) => b.started.slice(0, 4)],
  ];
  const met = new Map<string, Set<string>>();
  const first = (key: string, name: string, most: number) => {
    const names = met.get(key) ?? new Set();
    met.set(key, names);
    return !names.has(name) && names.size < most && names.add(name).size > 0;
  };
  return mine.map((b) => {
    const doubt = b.proof !== undefined && b.proof.status !== 'ok';
    const why = [
      ...(bare ? ['no_rule'] : []), ...(b.pinned ? ['pinned'] : []),
      ...(b.proof?.status === 'ok' && first(`${b.database} proven`, '', 1) ? ['last_proven'] : []), ...(!doubt && first(`${b.database} good`, '', 1) ? ['last_good'] : []),
      ...(!doubt && now - Date.parse(b.started) < (job.keep_days ?? 0) * day ? ['young'] : []),
      ...(doubt ? [] : spans.filter(([key, most, of]) => first(`${b.database} ${key}`, of(b), most)).map(([key]) => key)),
    ];
    return { backup: b.id, server: b.server, database: b.database, destination: b.destination, at: b.started, stored_bytes: b.stored_bytes, keep: why.length > 0, ...(why.length > 0 && { why }) };
  });
}

function momentsOf(spec = '', zone = '', now = Date.now(), count = 10): string[] {
  if (spec === '') return [];
  if (!isZone(zone)) throw new Problem({ code: 'schedule.unknown_zone', params: { zone }, status: 400 });
  const [minutes, hours, days, months, weekdays] = setsOf(spec);
  const found: string[] = [];
  const today = Math.floor(faceOf(new Date(now), zone).getTime() / day) * day;
  for (let d = 0; d < years && found.length < count; d++) {
    const date = new Date(today + d * day);
    if (!months!.has(date.getUTCMonth() + 1) || !onDay(days!, weekdays!, date)) continue;
    for (const h of hours!) for (const m of minutes!) {
      const at = instant(date.getTime() + (h * 60 + m) * minute, zone);
      if (at > now && found.length < count) found.push(new Date(at).toISOString());
    }
  }
  if (found.length === 0) throw new Problem({ code: 'schedule.never', params: { spec }, status: 400 });
  return found;
}

/** Where both day and weekday are given, either will do, as in cron. */
function onDay(days: Set<number>, weekdays: Set<number>, date: Date): boolean {
  const [a, b] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return days.size < 31 && weekdays.size < 7 ? a || b : a && b;
}

/** When the clocks show a face; one that they skip is met when they are put forward. */
function instant(face: number, zone: string): number {
  const early = face - offsetAt(new Date(face - day), zone) * minute;
  const late = face - offsetAt(new Date(face + day), zone) * minute;
  const met = [early, late].find((t) => faceOf(new Date(t), zone).getTime() === face);
  if (met !== undefined) return met;
  let [from, until] = [late, early];
  while (until - from > minute) {
    const middle = from + Math.floor((until - from) / 2 / minute) * minute;
    if (offsetAt(new Date(middle), zone) === offsetAt(new Date(late), zone)) from = middle;
    else until = middle;
  }
  return until;
}

const names = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const bounds = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 6]] as const;

function setsOf(spec: string): Set<number>[] {
  const line = spec.trim().toLowerCase().split(/\s+/).join(' ');
  const fields = cronOf(line)?.replace(/[a-z]{3}/g, (n) => (names.includes(n) ? String(names.indexOf(n)) : n)).split(' ') ?? [];
  const sets = bounds.map(([low, high], i) => fieldOf(fields[i] ?? '', low, high));
  if (fields.length === 5 && !sets.includes(undefined)) return sets as Set<number>[];
  throw new Problem({ code: 'schedule.not_understood', params: { spec, part: spec }, status: 400 });
}

function fieldOf(text: string, low: number, high: number): Set<number> | undefined {
  const all = new Set<number>();
  for (const part of text.split(',')) {
    const [, from = '', to = '', step = '1'] = /^(\*|\?|\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(part) ?? [];
    const open = from === '*' || from === '?';
    const [a, b] = [open ? low : Number(from), open ? high : Number(to || from)];
    if (from === '' || a < low || b > high || a > b || Number(step) < 1) return undefined;
    for (let n = a; n <= b; n += Number(step)) all.add(n);
  }
  return new Set([...all].sort((a, b) => a - b));
}

/** The ready-made jobs of the agent. */
export function templatesOf(): JobTemplate[] {
  const bare = { name: '', server: '', databases: [], destinations: [], paused: false };
  return ([
    ['daily', { type: 'incremental', schedule: '02:00', full_schedule: 'sun 02:00', verify: 'basic', prove: 'sun 05:00', proof_days: 14, keep_daily: 7, keep_weekly: 4, keep_monthly: 12 }],
    ['hourly', { type: 'incremental', schedule: 'every 1h', full_schedule: 'sat 03:00', prove: 'sun 05:00', proof_days: 14, keep_hourly: 48, keep_daily: 14, keep_weekly: 8, keep_monthly: 6 }],
    ['archive', { type: 'full', schedule: '1 03:30', verify: 'full', proof_days: 45, keep_monthly: 84 }],
    ['laptop', { type: 'incremental', schedule: '12:30', full_schedule: '1 12:30', prove: 'fri 13:00', proof_days: 21, keep_daily: 7, keep_weekly: 4 }],
  ] satisfies [string, Partial<Job>][]).map(([name, job]) => ({ name, text: { code: `template.${name}` }, job: { ...bare, ...job } }));
}
