import { useWording } from '../../i18n/react';
import { useDatabases, useLink, useNow, useRuns, useStatus } from '../../state/react';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { problemOf } from '../../api/problem';
import { StateSentence } from '../../ui/StateSentence';
import { DatabaseTable, LoadingTable } from './DatabaseTable';
import { RunCard } from './RunCard';

/** The first page: the one sentence, what runs, and every database. */
export function Dashboard() {
  const now = useNow();
  const status = useStatus();
  const link = useLink();
  const runs = [...useRuns().values()].filter((r) => r.status !== 'queued');
  return (
    <>
      {status.data && <StateSentence status={status.data} now={now} {...(link.state === 'lost' && { since: link.since })} />}
      {runs.map((r) => <RunCard key={r.id} run={r} />)}
      <DatabaseCard now={now} />
    </>
  );
}

function DatabaseCard({ now }: { now: Date }) {
  const { t, format } = useWording();
  const databases = useDatabases();
  const link = useLink();
  if (databases.data) {
    const rows = databases.data.databases;
    return (
      <Card title={t('databases.title')} count={format.count(rows.length)} className={link.state === 'lost' ? 'stale' : ''} end={link.state === 'lost' && <span className="tag">{t('lost.as_of', { time: format.clock(link.since) })}</span>}>
        <DatabaseTable rows={rows} now={now} />
      </Card>
    );
  }
  if (databases.isError && link.state !== 'lost')
    return <ProblemCard problem={problemOf(databases.error)}><Button onClick={() => void databases.refetch()}>{t('action.retry')}</Button></ProblemCard>;
  return <Card title={t('databases.title')}><LoadingTable /></Card>;
}
