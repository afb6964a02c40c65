/* What the clocks of a time zone show; '' is the zone of this computer. */

const made = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  const known = made.get(zone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat('en-GB', { ...(zone && { timeZone: zone }), hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' });
  made.set(zone, clock);
  return clock;
}

/** What a clock on the wall shows at a moment, as if it were in UTC. */
export function faceOf(at: Date, zone: string): Date {
  const p = Object.fromEntries(clockOf(zone).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return new Date(Date.UTC(p.year ?? 0, (p.month ?? 1) - 1, p.day, p.hour, p.minute, p.second));
}

/** How far the clocks are ahead of UTC at a moment, in minutes. */
export function offsetAt(at: Date, zone: string): number {
  return Math.round((faceOf(at, zone).getTime() - at.getTime()) / 60_000);
}

/** The time of day that the clocks show: "02:30". */
export function timeIn(at: Date, zone: string): string {
  return faceOf(at, zone).toISOString().slice(11, 16);
}

/** Whether a name is that of a time zone here. */
export function isZone(zone: string): boolean {
  try {
    return clockOf(zone) !== undefined;
  } catch {
    return false;
  }
}
