/*
 * Schedules as people set them up, and the one line that the agent keeps of them.
 * The forms of that line are those of internal/schedule; what a form has no
 * fields for stays a cron line.
 */

export type Plan =
  | { kind: 'hand' }
  | { kind: 'daily'; time: string }
  /** Days count from Sunday, 0, as in cron. */
  | { kind: 'weekly'; days: readonly number[]; time: string }
  | { kind: 'monthly'; days: readonly number[]; time: string }
  /** Hours that divide a day or minutes that divide an hour: "4h", "15m". */
  | { kind: 'every'; every: string }
  | { kind: 'cron'; line: string };

export type PlanKind = Plan['kind'];

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const named: Record<string, string> = { '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *' };

/** What a line means; one that is not understood is left to the agent as a cron line. */
export function planOf(spec = ''): Plan {
  const line = spec.trim().toLowerCase().split(/\s+/).join(' ');
  if (line === '') return { kind: 'hand' };
  const fields = (named[line] ?? cronOf(line))?.split(' ');
  return (fields?.length === 5 ? simple(fields) : undefined) ?? { kind: 'cron', line: spec.trim() };
}

/** The line of a plan; of a plan that is not filled in yet, one that is no schedule. */
export function specOf(plan: Plan): string {
  switch (plan.kind) {
    case 'hand':
      return '';
    case 'daily':
      return plan.time;
    case 'weekly':
      return `${weekOrder(plan.days).map((d) => dayNames[d]).join(',')} ${plan.time}`;
    case 'monthly':
      return `${plan.days.join(',')} ${plan.time}`;
    case 'every':
      return `every ${plan.every}`;
    case 'cron':
      return plan.line.trim();
  }
}

/** What is still missing in a plan, as far as that can be told here; of cron only the agent knows. */
export function lacking(plan: Plan): 'time' | 'days' | 'line' | undefined {
  if ('days' in plan && plan.days.length === 0) return 'days';
  if ('time' in plan && !isTime(plan.time)) return 'time';
  return plan.kind === 'cron' && plan.line.trim() === '' ? 'line' : undefined;
}

/** Days of the week as a week goes: from Monday. */
export function weekOrder(days: readonly number[]): number[] {
  return [...days].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7));
}

/** Days of the month out of what was typed: "1, 15"; nothing when it is no such list. */
export function daysOfMonth(text: string): number[] {
  return list(text.replace(/\s/g, ''), 1, 31) ?? [];
}

export function isTime(text: string): boolean {
  return /^([01]?\d|2[0-3]):[0-5]\d$/.test(text);
}

/** The five fields of cron for the other forms. */
export function cronOf(line: string): string | undefined {
  const [, n = '', unit = ''] = /^every (\d{1,4}) ?(m|min|h)$/.exec(line) ?? [];
  if (unit === 'h') return Number(n) > 0 && 24 % Number(n) === 0 ? `0 */${Number(n)} * * *` : undefined;
  if (unit) return Number(n) > 0 && 60 % Number(n) === 0 ? `*/${Number(n)} * * * *` : undefined;
  const [, days = '', hour = '', minute = ''] = /^(?:(\S+) )?(\d{1,2}):(\d{2})$/.exec(line) ?? [];
  if (!minute) return line;
  if (days === '') return `${minute} ${hour} * * *`;
  return /^[a-z]{3}([,-][a-z]{3})*$/.test(days) ? `${minute} ${hour} * * ${days}` : `${minute} ${hour} ${days} * *`;
}

/** A plan for what the form has fields for. */
function simple(fields: readonly string[]): Plan | undefined {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields.map((f) => (f === '?' ? '*' : f));
  if (month !== '*') return undefined;
  const always = day === '*' && weekday === '*';
  const often = always && everyOf(minute, hour);
  if (often) return often;
  if (!/^\d+$/.test(minute) || !/^\d+$/.test(hour)) return undefined;
  const time = `${hour.padStart(2, '0').slice(-2)}:${minute.padStart(2, '0').slice(-2)}`;
  if (Number(hour) > 23 || Number(minute) > 59) return undefined;
  if (always) return { kind: 'daily', time };
  if (weekday === '*') return withDays('monthly', list(day, 1, 31), time);
  if (day !== '*') return undefined; // cron means either of them
  const days = list(weekday.replace(/[a-z]+/g, (name) => String(dayNames.indexOf(name))), 0, 6);
  return days?.length === 7 ? { kind: 'daily', time } : withDays('weekly', days, time);
}

function withDays(kind: 'weekly' | 'monthly', days: number[] | undefined, time: string): Plan | undefined {
  return days && { kind, days, time };
}

function everyOf(minute: string, hour: string): Plan | undefined {
  const step = (field: string) => (field === '*' ? 1 : Number(/^\*\/(\d+)$/.exec(field)?.[1] ?? 0));
  if (minute === '0' && step(hour) > 0 && step(hour) < 24 && 24 % step(hour) === 0) return { kind: 'every', every: `${step(hour)}h` };
  if (minute === '0' && step(hour) === 24) return { kind: 'daily', time: '00:00' };
  if (hour !== '*' || step(minute) === 0 || 60 % step(minute) !== 0) return undefined;
  return { kind: 'every', every: step(minute) === 60 ? '1h' : `${step(minute)}m` };
}

/** The numbers of "1,3-5", each once and in order. */
function list(text: string, from: number, to: number): number[] | undefined {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, last = first] = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(part) ?? [];
    if (first === undefined || Number(first) < from || Number(last) > to || Number(first) > Number(last)) return undefined;
    for (let n = Number(first); n <= Number(last); n++) found.add(n);
  }
  return [...found].sort((a, b) => a - b);
}
