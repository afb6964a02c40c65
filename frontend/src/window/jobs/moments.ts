import type { JobPreview } from '../../api/api';
import { offsetAt } from '../../format/zone';

/** One run to come, as a person wants to see it. */
export interface Moment {
  at: Date;
  full: boolean;
  clocks?: Clocks;
}

/** What the clocks do to a run: they skip the time of day it is meant at or show it twice, or are changed since the run before it. */
export type Clocks = { kind: 'skipped' | 'repeated'; time: string } | { kind: 'changed' };

/** The runs to come, with what a change of the clocks does to them in the job's zone. */
export function momentsOf({ next, next_full, clocks = [] }: JobPreview, zone: string, now: Date): Moment[] {
  const full = new Set(next_full);
  const met = new Map<number, Clocks>(clocks.map(({ at, kind, time }) => [Date.parse(at), { kind, time }]));
  let before = now;
  return next.map((text) => {
    const at = new Date(text);
    const changed: Clocks | undefined = offsetAt(at, zone) === offsetAt(before, zone) ? undefined : { kind: 'changed' };
    const does = met.get(at.getTime()) ?? changed;
    before = at;
    return { at, full: full.has(text), ...(does && { clocks: does }) };
  });
}

/** What is wrong with a cron line, as far as its form tells: how many fields it has, or the first that holds something else. */
export type CronFault = { fields: number } | { field: CronField; value: string };
export type CronField = 'minute' | 'hour' | 'day' | 'month' | 'weekday';

const bounds: readonly [CronField, number, number][] = [['minute', 0, 59], ['hour', 0, 23], ['day', 1, 31], ['month', 1, 12], ['weekday', 0, 6]];
const word = /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)$/i;

export function cronFault(line: string): CronFault | undefined {
  const fields = line.trim().split(/\s+/);
  if (fields.length !== bounds.length) return { fields: fields.length };
  const bad = bounds.findIndex(([, low, high], i) => !fields[i]?.split(',').every((part) => isPart(part, low, high)));
  return bad < 0 ? undefined : { field: bounds[bad]![0], value: fields[bad] ?? '' };
}

/** One part of a field: any, a number or name, a range, each with a step or not. */
function isPart(part: string, low: number, high: number): boolean {
  const [range = '', step, ...more] = part.split('/');
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return false;
  if (range === '*' || range === '?') return true;
  const ends = range.split('-');
  return ends.length <= 2 && ends.every((n) => word.test(n) || (/^\d+$/.test(n) && Number(n) >= low && Number(n) <= high));
}
