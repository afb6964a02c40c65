import type { DatabaseStatus, Job } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useDatabases } from '../../state/react';

/** Whether a job backs a database up. */
export function covers(j: Job, d: Pick<DatabaseStatus, 'server' | 'database'>): boolean {
  return d.server === j.server && (j.databases[0] === '*' || j.databases.includes(d.database));
}

/** When a job runs next: when the first of its databases is backed up next. */
export function useNextRuns(): (job: Job) => Date | undefined {
  const all = useDatabases().data?.databases ?? [];
  return (j) => {
    const times = all.filter((d) => d.next && covers(j, d)).map((d) => Date.parse(d.next ?? ''));
    return times.length > 0 ? new Date(Math.min(...times)) : undefined;
  };
}

/** A moment to come, as short as can be: today only its time, within a week its day, later its date. */
export function Next({ at, now }: { at: Date | undefined; now: Date }) {
  const { format } = useWording();
  if (!at) return null;
  return <time dateTime={at.toISOString()} title={format.time(at)}>{format.coming(at, now)}</time>;
}
