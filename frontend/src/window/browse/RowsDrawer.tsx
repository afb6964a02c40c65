import { Drawer } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Backup, BackupRows, BackupTable } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';

/** How many rows are asked for at a time. A page may have fewer, when they are long. */
const page = 50;

/** Rows of a table as they are in a backup, a page at a time. */
export function RowsDrawer({ backup, table, onClose }: { backup: Backup; table: BackupTable; onClose: () => void }) {
  const { t, format } = useWording();
  const name = table.schema ? `${table.schema}.${table.name}` : table.name;
  // Where each page began: pages differ in length, so the way back is remembered.
  const [begins, setBegins] = useState([0]);
  const offset = begins.at(-1) ?? 0;
  const rows = useQuery({ ...useAgent().questions.rows(backup.id, { table: table.name, ...(table.schema && { schema: table.schema }), offset, limit: page }), placeholderData: keepPreviousData });
  const { data } = rows;
  return (
    <Drawer opened onClose={onClose} position="right" size="min(960px, 92%)" lockScroll={false} title={<bdi>{name}</bdi>} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <div className="rows">
        <p className="mut small">{t('browse.as_of', { time: format.time(new Date(backup.finished)) })}</p>
        {rows.isError ? (
          <ProblemCard problem={problemOf(rows.error)}><Button onClick={() => void rows.refetch()}>{t('action.retry')}</Button></ProblemCard>
        ) : data ? (
          <>
            <Grid of={data} name={name} />
            <Pager of={data} total={table.rows} first={begins.length === 1} busy={rows.isFetching} onBack={() => setBegins(begins.slice(0, -1))} onNext={() => setBegins([...begins, data.offset + data.rows.length])} />
            {data.cut > 0 && <p className="help">{t('browse.cut', { count: data.cut })}</p>}
          </>
        ) : (
          <><span className="sr" role="status">{t('browse.reading')}</span><Later><div className="col gap-3"><Bone width="80%" /><Bone width="70%" /><Bone width="75%" /></div></Later></>
        )}
      </div>
    </Drawer>
  );
}

function Grid({ of: d, name }: { of: BackupRows; name: string }) {
  const { t, format } = useWording();
  if (d.rows.length === 0) return <p className="mut">{t('browse.no_rows')}</p>;
  return (
    <div className="grid" tabIndex={0} role="region" aria-label={t('browse.rows_of', { name })}>
      <table translate="no">
        <thead><tr><th scope="col" className="n">{t('browse.number')}</th>{d.columns.map((c, i) => <th key={i} scope="col"><bdi>{c}</bdi></th>)}</tr></thead>
        <tbody>
          {d.rows.map((row, i) => (
            <tr key={d.offset + i}>
              <th scope="row" className="n dim">{format.count(d.offset + i + 1)}</th>
              {row.map((v, j) => <td key={j} title={v !== null && v.length > 40 ? v : undefined}>{v === null ? <span className="null">NULL</span> : <bdi>{v}</bdi>}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Pager({ of: d, total, first, busy, onBack, onNext }: { of: BackupRows; total: number; first: boolean; busy: boolean; onBack: () => void; onNext: () => void }) {
  const { t, format } = useWording();
  const mayAct = useCanAct();
  const span = { from: format.count(d.offset + 1), to: format.count(d.offset + d.rows.length) };
  const words = d.rows.length === 0 ? '' : total >= 0 ? t('browse.span_of', { ...span, all: format.count(total) }) : t('browse.span', span);
  return (
    <div className="row wrap">
      <span className="mut small grow" role="status">{words}</span>
      <Button small icon="left" disabled={first || !mayAct} busy={busy} onClick={onBack}>{t('browse.back')}</Button>
      <Button small disabled={!d.more || !mayAct} busy={busy} onClick={onNext}>{t('browse.next')}</Button>
    </div>
  );
}
