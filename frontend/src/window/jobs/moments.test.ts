import { expect, test } from 'vitest';
import { faceOf, isZone, offsetAt, timeIn } from '../../format/zone';
import { cronFault, momentsOf } from './moments';

const preview = (...next: string[]) => ({ next, next_full: next.slice(1, 2), prove: [], removed: [], kept: 0 });

test('clocks of a zone, over a change and across the date line', () => {
  expect(timeIn(new Date('2026-03-29T00:30:00Z'), 'Europe/Berlin')).toBe('01:30');
  expect(timeIn(new Date('2026-03-29T01:30:00Z'), 'Europe/Berlin')).toBe('03:30');
  expect(offsetAt(new Date('2026-11-22T12:00:00Z'), 'Asia/Kathmandu')).toBe(345);
  expect(faceOf(new Date('2026-12-31T23:30:00Z'), 'Pacific/Auckland').toISOString()).toBe('2027-01-01T12:30:00.000Z');
  expect([isZone(''), isZone('Europe/Istanbul'), isZone('Mars/Olympus')]).toEqual([true, true, false]);
});

test('which runs are full, and which meet a change of the clocks', () => {
  const berlin = {
    ...preview('2026-03-28T01:30:00Z', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'),
    clocks: [{ at: '2026-03-29T01:00:00Z', kind: 'skipped', time: '02:30' } as const],
  };
  const now = new Date('2026-03-27T12:00:00Z');
  expect(momentsOf(berlin, 'Europe/Berlin', now).map((m) => [m.full, m.clocks])).toEqual([[false, undefined], [true, { kind: 'skipped', time: '02:30' }], [false, undefined]]);
  const hourly = preview('2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z', '2026-03-29T02:00:00Z');
  expect(momentsOf(hourly, 'Europe/Berlin', now).map((m) => m.clocks)).toEqual([undefined, { kind: 'changed' }, undefined]);
});

test('what is wrong with a cron line is told by its part', () => {
  for (const line of ['30 2 * * *', '*/15 8-19 1,15 jan-mar mon-fri', '0 0 ? * SUN', '0 2/4 * * 0,6']) expect(cronFault(line), line).toBeUndefined();
  expect(cronFault('30 2 * *')).toEqual({ fields: 4 });
  expect(cronFault('every 7h')).toEqual({ fields: 2 });
  expect(cronFault('61 2 * * *')).toEqual({ field: 'minute', value: '61' });
  expect(cronFault('0 24 * * *')).toEqual({ field: 'hour', value: '24' });
  expect(cronFault('0 2 0 * *')).toEqual({ field: 'day', value: '0' });
  expect(cronFault('0 2 * 13 *')).toEqual({ field: 'month', value: '13' });
  expect(cronFault('0 2 * * 7')).toEqual({ field: 'weekday', value: '7' });
  expect(cronFault('0/0 2 * * *')).toEqual({ field: 'minute', value: '0/0' });
  expect(cronFault('1-2-3 2 * * *')).toEqual({ field: 'minute', value: '1-2-3' });
});
