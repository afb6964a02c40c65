import { useState } from 'react';
import type { Databases } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { DatabaseTable, LoadingTable } from './DatabaseTable';
import type { Starter } from './useStart';

/** From so many databases on there is a field to find one. */
const many = 15;

/** Every database; those that need the person come first, as the agent orders them. */
export function DatabaseCard({ databases, now, lostSince, starter }: { databases: Databases | undefined; now: Date; lostSince: Date | undefined; starter: Starter }) {
  const { t, format } = useWording();
  const [wanted, setWanted] = useState('');
  if (!databases) return <Card title={t('databases.title')}><LoadingTable /></Card>;
  const all = databases.databases;
  const rows = wanted ? all.filter((d) => [d.database, d.server, d.found?.address].some((s) => contains(s, wanted))) : all;
  return (
    <Card title={t('databases.title')} count={format.count(all.length)} className={lostSince ? 'stale' : ''} end={lostSince ? <span className="tag">{t('lost.as_of', { time: format.clock(lostSince) })}</span> : <Tools looking={databases.looking} starter={starter} />}>
      {all.length >= many && (
        <div className="find">
          <Icon name="search" size={14} />
          <input className="inp" type="search" aria-label={t('databases.find')} placeholder={t('databases.find')} value={wanted} onChange={(e) => setWanted(e.currentTarget.value)} />
          {wanted && <span className="dim small" role="status">{t('databases.matches', { count: rows.length })}</span>}
        </div>
      )}
      <DatabaseTable rows={rows} now={now} starter={starter} />
    </Card>
  );
}

/** Whether a name holds what was typed, in any case; names obey no language. */
function contains(name: string | undefined, wanted: string): boolean {
  return name?.toLowerCase().includes(wanted.trim().toLowerCase()) ?? false;
}

function Tools({ looking, starter }: { looking: boolean; starter: Starter }) {
  const { t } = useWording();
  const look = useAct((api) => api.databases(true));
  const mayAct = useCanAct();
  return (
    <>
      {looking || look.isPending ? (
        <span className="dim small" role="status">{t('databases.looking')}</span>
      ) : (
        <Button kind="quiet" small icon="again" disabled={!mayAct} onClick={() => look.mutate(undefined)}>{t('databases.look')}</Button>
      )}
      <Button kind="quiet" small icon="plus" disabled={!mayAct} onClick={() => void starter.addServer()}>{t('server.add_button')}</Button>
    </>
  );
}
