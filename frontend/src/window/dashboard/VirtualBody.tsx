import { useVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState } from 'react';
import { DatabaseRow, rowKey } from './DatabaseRow';
import type { Body } from './DatabaseTable';

const rowHeight = 40;

/** Only the rows in sight, between two empty ones as high as all the others. */
export function VirtualBody({ rows, now, starter }: Body) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [place, setPlace] = useState<{ scroller: HTMLElement | null; above: number }>({ scroller: null, above: 0 });
  useLayoutEffect(() => {
    const scroller = body.current?.closest('main') ?? null;
    if (!scroller || !body.current) return;
    const above = body.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    setPlace((p) => (p.scroller === scroller && p.above === above ? p : { scroller, above }));
  }, [rows.length]);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => place.scroller, estimateSize: () => rowHeight, overscan: 12, initialOffset: () => document.getElementById('main')?.scrollTop ?? 0, scrollMargin: place.above });
  const items = virtual.getVirtualItems();
  const before = (items[0]?.start ?? place.above) - place.above;
  const after = virtual.getTotalSize() - ((items.at(-1)?.end ?? place.above) - place.above);
  return (
    <tbody ref={body}>
      <tr className="gap" aria-hidden="true" style={{ height: before }} />
      {items.map((item) => {
        const d = rows[item.index];
        return d && <DatabaseRow key={rowKey(d)} of={d} now={now} starter={starter} index={item.index + 2} />;
      })}
      <tr className="gap" aria-hidden="true" style={{ height: after }} />
    </tbody>
  );
}
