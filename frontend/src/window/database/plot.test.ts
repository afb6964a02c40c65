import { expect, test } from 'vitest';
import { nearest, plotOf } from './plot';

const samples = [{ at: 0, value: 10 }, { at: 100, value: 15 }, { at: 200, value: 18 }];

test('time goes to the right and values go up from nothing', () => {
  const { marks, levels } = plotOf(samples, 640, 152);
  expect(marks.map((m) => m.x)).toEqual([56, 342, 628]);
  expect(levels.map((l) => l.value)).toEqual([0, 10, 20]);
  expect(marks[0]?.y).toBe(levels[1]?.y);
  expect(marks[2]!.y).toBeLessThan(marks[1]!.y);
});

test('equal moments and sizes of nothing have a place too', () => {
  const { marks } = plotOf([{ at: 5, value: 0 }, { at: 5, value: 0 }], 640, 152);
  for (const m of marks) expect([m.x, m.y].every(Number.isFinite)).toBe(true);
});

test('the mark nearest to the pointer', () => {
  const { marks } = plotOf(samples, 640, 152);
  expect([0, 190, 205, 900].map((x) => nearest(marks, x))).toEqual([0, 0, 1, 2]);
});
