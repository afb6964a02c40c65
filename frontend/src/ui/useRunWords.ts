import type { Format } from '../format';
import type { Key } from '../i18n';
import { useWording } from '../i18n/react';
import { isOver, type LiveRun } from '../state/live';
import type { Run } from '../api/api';

/** Parts of a database that are no tables, as the engines name them. */
const parts: Record<string, Key> = {
  database: 'item.database',
  schema: 'item.schema',
  roles: 'item.roles',
  sequences: 'item.sequences',
  largeobjects: 'item.largeobjects',
  'largeobjects.meta': 'item.largeobjects',
};

const withItem: Record<string, [Key, Key]> = {
  connect: ['phase.connect', 'phase.connect'],
  dump: ['phase.dump', 'phase.dump_item'],
  commit: ['phase.commit', 'phase.commit'],
  read: ['phase.read', 'phase.read_item'],
  schema: ['phase.schema', 'phase.schema'],
  load: ['phase.load', 'phase.load_item'],
  index: ['phase.index', 'phase.index'],
  compare: ['phase.compare', 'phase.compare_item'],
  script: ['phase.script', 'phase.script'],
  delete: ['phase.delete', 'phase.delete'],
};

const kinds: Record<string, Key> = {
  backup: 'run.backup', verify: 'run.verify', restore: 'run.restore', export: 'run.export', rebuild: 'run.rebuild', copy: 'run.kind.copy', prune: 'run.kind.prune', reread: 'run.kind.reread',
};

const statuses: Record<string, Key> = {
  queued: 'status.queued', running: 'status.running', ok: 'status.ok', failed: 'status.failed', cancelled: 'status.cancelled', interrupted: 'status.interrupted',
};

/** The phases in which a backup is restored and compared: the proof. */
const proving = new Set(['read', 'schema', 'load', 'index', 'compare']);

/** Whether a backup's run is at its proof already. */
export function isProving(run: LiveRun): boolean {
  return run.kind === 'verify' || (run.kind === 'backup' && (run.made === true || proving.has(run.progress?.phase ?? '')));
}

/** Whether a run waits for the moment of its next attempt. */
export function waitsForRetry(run: Run): run is Run & { retry_at: string } {
  return run.status === 'queued' && run.retry_at !== undefined && run.held !== true;
}

/** Whether a run that is not over does nothing now and would not begin by itself at once: it was paused, or waits for another attempt. */
export function rests(run: Run): boolean {
  return !isOver(run) && (run.held === true || waitsForRetry(run));
}

/** Whether a run moves file by file, of which nobody knows the sizes. */
function countsFiles(run: Run): boolean {
  return run.kind === 'prune';
}

/** What a run is about: a database, or else a place. */
export function aboutOf(run: Run): string {
  return run.database ?? run.destination ?? '';
}

/** How much of the phase at hand is done, of one; the total is an estimate, which may be passed. */
export function shareOf(run: Run): number | undefined {
  const p = run.progress;
  if (!p || p.total <= 0) return undefined;
  return Math.min(p.done / p.total, 0.99);
}

/** A time left is a guess: it is said in whole seconds, past a minute in steps of five, past an hour in minutes. */
function leftOf(seconds: number, format: Format): string {
  if (seconds < 59) return format.age(Math.max(1, Math.ceil(seconds)) * 1000);
  const step = seconds < 3_600 ? 5 : 60;
  return format.duration(Math.ceil(seconds / step) * step * 1000);
}

/** Runs in words. */
export function useRunWords() {
  const { t, format } = useWording();
  return {
    /** What goes on, in a sentence: "Backing up orders." */
    now: (run: LiveRun): string => {
      if (isProving(run)) return t('run.now.proof', { name: aboutOf(run) });
      if (run.kind === 'backup') return t('run.now.backup', { name: aboutOf(run) });
      if (run.kind === 'restore') return t('run.now.restore', { name: aboutOf(run) });
      return t('run.now.other', { what: t(kinds[run.kind] ?? 'run.other') });
    },
    /** What is being done now without the table at hand: "Reading the database". */
    stage: (run: Run): string => t((run.progress && withItem[run.progress.phase]?.[0]) ?? 'phase.start'),
    kind: (run: Run) => t(kinds[run.kind] ?? 'run.other'),
    /** How it stands, in a word or two. */
    status: (run: Run): string => {
      if (rests(run)) return t(run.held ? 'status.held' : 'status.retry');
      return t(statuses[run.status] ?? 'status.running');
    },
    /** When a run that waits for it is tried again: "tries again at 14:05". */
    retry: (run: Run & { retry_at: string }, now: Date): string => t('run.retries', { time: format.coming(new Date(run.retry_at), now) }),
    /** Which attempt that will be: "attempt 2 of 5". */
    attempt: (run: Run): string => {
      const n = (run.attempt ?? 1) + 1;
      return t('run.retry_attempt', { n, all: Math.max(run.attempts ?? n, n) });
    },
    /** What is being done now: "Reading public.orders". */
    doing: (run: Run): string => {
      if (run.held) return t('status.held');
      if (run.status === 'queued') return t(waitsForRetry(run) ? 'status.retry' : 'status.queued');
      const p = run.progress;
      const words = p && withItem[p.phase];
      if (!words) return t('phase.start');
      if (!p.item) return t(words[0]);
      const part = parts[p.item];
      return t(words[1], { item: part ? t(part) : p.item.replace(/^table\//, '') });
    },
    /** How much of it: "10.7 GB of 18.4 GB". */
    amount: (run: Run): string => {
      const p = run.progress;
      if (!p || p.done <= 0) return '';
      const counted = p.phase === 'index' || countsFiles(run);
      const write = (n: number) => (counted ? format.count(n) : format.bytes(n));
      if (counted) return t('progress.of', { done: write(p.done), total: write(Math.max(p.done, p.total)) });
      return p.total > p.done ? t('progress.of', { done: write(p.done), total: write(p.total) }) : write(p.done);
    },
    speed: (run: LiveRun): string => (run.bytesPerSecond === undefined || countsFiles(run) ? '' : format.speed(run.bytesPerSecond)),
    left: (run: LiveRun): string => (run.secondsLeft === undefined ? '' : t('progress.left', { time: leftOf(run.secondsLeft, format) })),
  };
}
