import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Backup, BackupTable } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent, useLink } from '../../state/react';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Page';
import { ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import './browse.css';
import { RowsDrawer } from './RowsDrawer';

/** So many tables are listed; the rest is found by typing. */
const most = 200;
/** From so many on there is a field to find one. */
const many = 12;

/** A table as people name it. */
export function fullName(t: Pick<BackupTable, 'schema' | 'name'>): string {
  return t.schema ? `${t.schema}.${t.name}` : t.name;
}

/** What is in a backup: its tables with their rows, and a way to look into each. Nothing is restored for it. */
export function TablesCard({ backup }: { backup: Backup }) {
  const { t, format } = useWording();
  const tables = useQuery(useAgent().questions.tables(backup.id));
  const lost = useLink().state === 'lost';
  const [wanted, setWanted] = useState('');
  const [open, setOpen] = useState<BackupTable>();
  const all = tables.data ?? [];
  const found = all.filter((x) => fullName(x).toLowerCase().includes(wanted.trim().toLowerCase()));
  return (
    <Card title={t('browse.title')} {...(tables.data && { count: format.count(all.length) })}>
      {tables.data ? (
        <>
          {all.length >= many && <div className="in-card"><TextInput aria-label={t('browse.find')} placeholder={t('browse.find')} value={wanted} onChange={(e) => setWanted(e.currentTarget.value)} spellCheck={false} /></div>}
          {all.length === 0 && <p className="card-b mut">{t('browse.no_tables')}</p>}
          <ul className="tables" aria-label={t('browse.title')}>
            {found.slice(0, most).map((x) => <Line key={fullName(x)} table={x} onOpen={() => setOpen(x)} />)}
          </ul>
          {all.length > 0 && found.length === 0 && <p className="card-b mut" role="status">{t('browse.none_found')}</p>}
          {found.length > most && <p className="card-b mut small">{t('browse.more', { count: found.length - most })}</p>}
        </>
      ) : tables.isError && !lost ? (
        <div className="card-b col gap-3"><ProblemLine problem={problemOf(tables.error)} /><div><Button small onClick={() => void tables.refetch()}>{t('action.retry')}</Button></div></div>
      ) : (
        <div className="card-b"><span className="sr" role="status">{t('browse.loading')}</span><Later><div className="col gap-3"><Bone width={220} /><Bone width={180} /></div></Later></div>
      )}
      {open && <RowsDrawer key={fullName(open)} backup={backup} table={open} onClose={() => setOpen(undefined)} />}
    </Card>
  );
}

function Line({ table: x, onOpen }: { table: BackupTable; onOpen: () => void }) {
  const { t, format } = useWording();
  return (
    <li>
      <span className="cut" title={fullName(x)}><bdi>{x.schema && <span className="dim">{x.schema}.</span>}<span className="med">{x.name}</span></bdi></span>
      <span className="mut small nw">{x.rows >= 0 && t('browse.rows', { count: x.rows, rows: format.count(x.rows) })}{x.partitions ? <span className="hide-s"> {t('browse.partitions', { count: x.partitions })}</span> : null}</span>
      <span className="dim small nw hide-s">{x.bytes >= 0 ? format.bytes(x.bytes) : ''}</span>
      <Button small kind="quiet" icon="eye" aria-label={t('browse.look_into', { name: fullName(x) })} onClick={onOpen}>{t('browse.look')}</Button>
    </li>
  );
}
