const width = 56;
const height = 18;

/** A line of values, oldest first, without axes; the value itself stands beside it. One value is no line and draws nothing. */
export function Sparkline({ values }: { values: readonly number[] }) {
  if (values.length < 2) return null;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map((v, i) => {
    const x = 2 + (i * (width - 5)) / (values.length - 1);
    const y = 15 - ((v - low) / span) * 12;
    return [round(x), round(y)] as const;
  });
  const line = points.map(([x, y], i) => `${i ? 'L' : 'M'}${x} ${y}`).join('');
  const [lastX, lastY] = points.at(-1)!;
  return (
    <svg className="spark" width={width} height={height} aria-hidden="true">
      <path className="a" d={`${line}V${height}H2z`} />
      <path className="l" d={line} />
      <circle cx={lastX} cy={lastY} r="2" />
    </svg>
  );
}

function round(v: number): number {
  return Math.round(v * 10) / 10;
}
