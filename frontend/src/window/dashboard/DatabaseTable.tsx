import { lazy, Suspense } from 'react';
import type { DatabaseStatus } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Later, SkeletonRows } from '../../ui/Skeleton';
import { DatabaseRow, rowKey } from './DatabaseRow';
import './dashboard.css';
import type { Starter } from './useStart';

const VirtualBody = lazy(async () => ({ default: (await import('./VirtualBody')).VirtualBody }));

/** Up to so many rows are all drawn; more are drawn where they are seen. */
const drawnAll = 60;

export interface Body {
  rows: readonly DatabaseStatus[];
  now: Date;
  starter: Starter;
}

export function DatabaseTable({ rows, ...rest }: Body) {
  const first = <tbody>{rows.slice(0, drawnAll).map((d) => <DatabaseRow key={rowKey(d)} of={d} {...rest} />)}</tbody>;
  return (
    <table className="tbl dbt" aria-rowcount={rows.length + 1}>
      <Head />
      {rows.length > drawnAll ? <Suspense fallback={first}><VirtualBody rows={rows} {...rest} /></Suspense> : first}
    </table>
  );
}

function Head() {
  const { t } = useWording();
  return (
    <>
      <colgroup>
        <col /><col className="c-e hide-m" /><col className="c-f" /><col className="c-p" /><col className="c-n hide-s" /><col className="c-t hide-m" /><col className="c-s" /><col className="c-a" />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">{t('databases.name')}</th>
          <th scope="col" className="hide-m">{t('databases.engine')}</th>
          <th scope="col">{t('databases.newest')}</th>
          <th scope="col">{t('databases.proof')}</th>
          <th scope="col" className="hide-s">{t('jobs.next')}</th>
          <th scope="col" className="hide-m"><span className="sr">{t('databases.trend')}</span></th>
          <th scope="col" className="n">{t('databases.size')}</th>
          <th scope="col"><span className="sr">{t('databases.actions')}</span></th>
        </tr>
      </thead>
    </>
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
        <tbody><Later><SkeletonRows count={7} widths={[120, 88, 136, 48, 56, undefined, 44, undefined]} /></Later></tbody>
      </table>
    </>
  );
}
