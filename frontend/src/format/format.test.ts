import { expect, test } from 'vitest';
import { formatFor } from '.';

const en = formatFor('en');
const tr = formatFor('tr');

test('percent is cut, and placed as the language does', () => {
  expect([0.58, 0.999, 1, 7, -1, NaN].map((v) => en.percent(v))).toEqual(['58 %', '99 %', '100 %', '100 %', '0 %', '0 %']);
  expect(tr.percent(0.58)).toBe('%58');
});

test('speeds', () => {
  expect([96e6, NaN, Infinity, -1].map((v) => en.speed(v))).toEqual(['96.0 MB/s', '?', '?', '?']);
  expect(tr.speed(96e6)).toBe('96,0 MB/sn');
});

test('a half is rounded as Go rounds it', () => {
  expect([1_125_000, 1_135_000, 10_250_000, 10_350_000].map((n) => en.bytes(n))).toEqual(['1.12 MB', '1.14 MB', '10.2 MB', '10.3 MB']);
});

test('durations change their unit before they would read as a whole one', () => {
  expect([-1_000, 13.5, 9_960, 59_600, 84_000, 3_599_999, 125 * 60_000, 86_399_000, 76 * 3_600_000].map((ms) => en.duration(ms))).toEqual(['0 ms', '13 ms', '10 s', '1 min', '1 min 24 s', '1 h', '2 h 5 min', '1 day', '3 days 4 h']);
});

test('a moment to come', () => {
  const now = new Date(2026, 10, 21, 13, 18);
  const said = [new Date(2026, 10, 21, 14, 5), new Date(2026, 10, 22, 2, 0), new Date(2026, 11, 1, 2, 0)];
  expect(said.map((at) => en.coming(at, now))).toEqual(['14:05', 'Sun 02:00', '2026-12-01 02:00']);
  expect(tr.coming(said[1]!, now)).toBe('Paz 02:00');
});

test('what is not known is English', () => expect(formatFor('de').lang).toBe('en'));
