/** A value at a moment. */
export interface Sample {
  at: number;
  value: number;
}

/** A sample with its place in the drawing. */
export interface Mark extends Sample {
  x: number;
  y: number;
}

export interface Plot {
  marks: Mark[];
  /** The lines to read values by: their value and height. */
  levels: { value: number; y: number }[];
}

const margin = { left: 56, right: 12, top: 12, bottom: 24 };

/** Places samples, oldest first, in a drawing of that size. Values begin at nothing, so that a small change looks small. */
export function plotOf(samples: readonly Sample[], width: number, height: number): Plot {
  const top = niceAbove(Math.max(0, ...samples.map((s) => s.value)));
  const first = samples[0]?.at ?? 0;
  const span = (samples.at(-1)?.at ?? first) - first;
  const w = width - margin.left - margin.right;
  const h = height - margin.top - margin.bottom;
  const y = (value: number) => margin.top + h - (value / top) * h;
  const x = (at: number) => margin.left + (span > 0 ? ((at - first) / span) * w : w / 2);
  return {
    marks: samples.map((s) => ({ ...s, x: round(x(s.at)), y: round(y(s.value)) })),
    levels: [0, top / 2, top].map((value) => ({ value, y: round(y(value)) })),
  };
}

/** The mark nearest to a place, by index. */
export function nearest(marks: readonly Mark[], x: number): number {
  let best = 0;
  marks.forEach((m, i) => {
    if (Math.abs(m.x - x) < Math.abs((marks[best]?.x ?? 0) - x)) best = i;
  });
  return best;
}

/** The next of 1, 2, 4, 5 or 10 times a power of ten. */
function niceAbove(v: number): number {
  if (v <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(v));
  const step = [1, 2, 4, 5, 10].find((s) => s * power >= v) ?? 10;
  return step * power;
}

function round(v: number): number {
  return Math.round(v * 10) / 10;
}
