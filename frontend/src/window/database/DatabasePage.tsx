import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { Backup, DatabaseStatus } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { isOver } from '../../state/live';
import { useAgent, useDatabases, useLink, useNow, useRuns } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { RunCard } from '../dashboard/RunCard';
import { useStart, type Starter } from '../dashboard/useStart';
import { RunProgress } from '../run/RunProgress';
import { Actions, remedyOf } from './Actions';
import { BackupDrawer } from './BackupDrawer';
import { BackupTable } from './BackupTable';
import './database.css';
import { Facts } from './Facts';
import { findDatabase, runOn } from './find';
import { Head } from './Head';
import { SizePlot } from './SizePlot';

const route = getRouteApi('/databases/$server/$database');
/** So many backups are listed; the plot shows as many. */
const most = 500;
/** So often the servers are asked whether the database is still there, while the page is seen, in milliseconds. */
const lookAgain = 30_000;

/** One database: how it stands and why, what goes on with it, and its backups. */
export function DatabasePage() {
  const { t } = useWording();
  const { server, database } = route.useParams();
  const { questions } = useAgent();
  const lost = useLink().state === 'lost';
  const listed = useDatabases();
  useLook();
  const asked = useQuery(questions.backups({ database, limit: most }));
  const backups = asked.data?.filter((b) => b.server === server);
  const d = listed.data && backups && findDatabase(server, database, listed.data.databases, backups);
  if (d && backups) return <Database key={`${server}\n${database}`} of={d} backups={backups} />;
  const failed = [listed, asked].find((q) => q.isError && !q.data);
  const known = listed.data && !listed.data.looking && asked.data;
  return (
    <>
      <PageHead crumb={<TextLink to="/">{t('nav.dashboard')}</TextLink>} title={database} />
      {failed && !lost ? (
        <ProblemCard problem={problemOf(failed.error)}><Button onClick={() => void failed.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : known ? (
        <EmptyState title={t('database.unknown', { name: database, server })} actions={<LinkButton to="/" kind="primary">{t('nav.dashboard')}</LinkButton>}>{t('database.unknown_body')}</EmptyState>
      ) : (
        <Loading />
      )}
    </>
  );
}

/** Has the agent ask the servers anew; what changed comes by an event. */
function useLook(): void {
  const { api } = useAgent();
  useQuery({ queryKey: ['look'], queryFn: () => api.databases(true), refetchInterval: lookAgain, staleTime: 'static', gcTime: 0 });
}

function Database({ of: d, backups }: { of: DatabaseStatus; backups: readonly Backup[] }) {
  const now = useNow();
  const starter = useStart();
  const run = runOn(d.server ?? '', d.database, useRuns());
  const busy = run !== undefined && !isOver(run);
  const remedy = remedyOf(d);
  return (
    <>
      <Head of={d} now={now}>
        <Actions of={d} remedy={remedy} busy={busy} starter={starter} quiet={backups.length === 0 && remedy === 'back_up'} />
      </Head>
      {starter.problem && <Refused starter={starter} />}
      {run && (busy ? <RunProgress key={run.id} run={run} /> : <RunCard run={run} />)}
      {d.problem && !busy && run?.status !== 'failed' && <ProblemCard problem={d.problem} look={d.present ? 'bad' : 'warn'} />}
      <Facts of={d} now={now} />
      {backups.length > 0 ? (
        <>
          <SizePlot name={d.database} backups={backups} />
          <BackupTable backups={backups} now={now} />
        </>
      ) : (
        !busy && <NoBackups of={d} starter={starter} />
      )}
      <Opened backups={backups} />
      {starter.dialog}
    </>
  );
}

/** The backup that the address names, in a drawer over the page. */
function Opened({ backups }: { backups: readonly Backup[] }) {
  const { backup: id } = route.useSearch();
  const navigate = route.useNavigate();
  const { questions } = useAgent();
  const listed = backups.find((b) => b.id === id);
  const asked = useQuery({ ...questions.backup(id ?? ''), enabled: id !== undefined && !listed });
  const backup = listed ?? (id === undefined ? undefined : asked.data);
  return backup && <BackupDrawer backup={backup} onClose={() => void navigate({ search: {}, replace: true })} />;
}

function Refused({ starter }: { starter: Starter }) {
  const { t } = useWording();
  return starter.problem && <ProblemCard problem={starter.problem}><Button onClick={() => starter.forget()}>{t('action.close')}</Button></ProblemCard>;
}

function NoBackups({ of: d, starter }: { of: DatabaseStatus; starter: Starter }) {
  const { t } = useWording();
  return (
    <EmptyState title={t('database.none', { name: d.database })} actions={<Actions of={d} remedy="back_up" busy={false} starter={starter} />}>
      {t('database.none_body')}
    </EmptyState>
  );
}

function Loading() {
  const { t } = useWording();
  return (
    <>
      <span className="sr" role="status">{t('database.loading')}</span>
      <Later>
        <section className="card facts" aria-hidden="true">{[88, 60, 64, 110, 96].map((w, i) => <div key={i} className="col gap-2"><Bone width={48} height={10} /><Bone width={w} /></div>)}</section>
        <section className="card pad" aria-hidden="true"><Bone width="100%" height={152} /></section>
        <section className="card pad col gap-4" aria-hidden="true">{[0, 1, 2, 3].map((i) => <Bone key={i} width="90%" />)}</section>
      </Later>
    </>
  );
}
