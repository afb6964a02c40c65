import { useEffect, useState, type ReactNode } from 'react';

/** Shows its children only after 300 ms: what comes sooner needs no sign of waiting. */
export function Later({ children }: { children: ReactNode }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return late ? children : null;
}

/** A grey place for words that are on their way. */
export function Bone({ width, height = 12, round = false }: { width: number | string; height?: number; round?: boolean }) {
  return <span className="sk" style={{ width, height, ...(round && { borderRadius: '50%' }) }} />;
}

/** Rows of a table that are on their way, in the widths of the real ones. */
export function SkeletonRows({ count, widths }: { count: number; widths: readonly (number | string | undefined)[] }) {
  return Array.from({ length: count }, (_, row) => (
    <tr key={row} aria-hidden="true">
      {widths.map((w, i) => (
        <td key={i}>{w !== undefined && <Bone width={w} />}</td>
      ))}
    </tr>
  ));
}
