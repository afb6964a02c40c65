import { useVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState } from 'react';
import type { DatabaseStatus } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Later, SkeletonRows } from '../../ui/Skeleton';
import { DatabaseRow, rowKey } from './DatabaseRow';
import './dashboard.css';

/** Up to so many rows are all drawn; more are drawn where they are seen. */
const drawnAll = 60;
const rowHeight = 40;

export function DatabaseTable({ rows, now }: { rows: DatabaseStatus[]; now: Date }) {
  return (
    <table className="tbl dbt" aria-rowcount={rows.length + 1}>
      <Head />
      {rows.length > drawnAll ? <VirtualBody rows={rows} now={now} /> : <tbody>{rows.map((d) => <DatabaseRow key={rowKey(d)} of={d} now={now} />)}</tbody>}
    </table>
  );
}

function Head() {
  const { t } = useWording();
  return (
    <>
      <colgroup>
        <col /><col className="c-e hide-s" /><col className="c-f" /><col className="c-p" /><col className="c-t hide-s" /><col className="c-s" /><col className="c-a" />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">{t('databases.name')}</th>
          <th scope="col" className="hide-s">{t('databases.engine')}</th>
          <th scope="col">{t('databases.newest')}</th>
          <th scope="col">{t('databases.proof')}</th>
          <th scope="col" className="hide-s"><span className="sr">{t('databases.trend')}</span></th>
          <th scope="col" className="n">{t('databases.size')}</th>
          <th scope="col"><span className="sr">{t('databases.actions')}</span></th>
        </tr>
      </thead>
    </>
  );
}

/** Only the rows in sight, between two empty ones as high as all the others. */
function VirtualBody({ rows, now }: { rows: DatabaseStatus[]; now: Date }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [place, setPlace] = useState<{ scroller: HTMLElement | null; above: number }>({ scroller: null, above: 0 });
  useLayoutEffect(() => {
    const scroller = body.current?.closest('main') ?? null;
    if (!scroller || !body.current) return;
    const above = body.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    setPlace((p) => (p.scroller === scroller && p.above === above ? p : { scroller, above }));
  }, [rows.length]);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => place.scroller, estimateSize: () => rowHeight, overscan: 12, scrollMargin: place.above });
  const items = virtual.getVirtualItems();
  const before = (items[0]?.start ?? place.above) - place.above;
  const after = virtual.getTotalSize() - ((items.at(-1)?.end ?? place.above) - place.above);
  return (
    <tbody ref={body}>
      <tr className="gap" aria-hidden="true" style={{ height: before }} />
      {items.map((item) => {
        const d = rows[item.index];
        return d && <DatabaseRow key={rowKey(d)} of={d} now={now} index={item.index + 2} />;
      })}
      <tr className="gap" aria-hidden="true" style={{ height: after }} />
    </tbody>
  );
}

/** The table while its rows are on their way. */
export function LoadingTable() {
  const { t } = useWording();
  return (
    <>
      <span className="sr" role="status">{t('databases.loading')}</span>
      <table className="tbl dbt" aria-hidden="true">
        <Head />
        <tbody><Later><SkeletonRows count={7} widths={[120, 88, 136, 48, undefined, 44, undefined]} /></Later></tbody>
      </table>
    </>
  );
}
