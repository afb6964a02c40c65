import { useQuery } from '@tanstack/react-query';
import type { Databases, StatusReport } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { isOver } from '../../state/live';
import { useAgent, useCanAct, useDatabases, useLink, useNow, useRuns, useStatus } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { Icon } from '../../ui/Icon';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { StateSentence } from '../../ui/StateSentence';
import { waitsForRetry } from '../../ui/useRunWords';
import { DatabaseCard } from './DatabaseCard';
import { nightlyAt } from './nightly';
import { RemedyButton } from './RemedyButton';
import { RunCard } from './RunCard';
import { useStart, type Starter } from './useStart';

/** So many runs are shown in full; more are counted. */
const shownRuns = 3;

/** The first page: the one sentence with its remedy, what runs, and every database. */
export function Dashboard() {
  const { t } = useWording();
  const now = useNow();
  const link = useLink();
  const status = useStatus();
  const databases = useDatabases();
  const starter = useStart();
  const lostSince = link.state === 'lost' ? link.since : undefined;
  const failed = [status, databases].find((q) => q.isError && !q.data);
  return (
    <>
      <Sentence status={status.data} databases={databases.data} now={now} lostSince={lostSince} starter={starter} />
      {status.data?.paused && !status.data.headline.code.startsWith('state.paused') && <PauseBanner waiting={status.data.active.filter((r) => r.status === 'queued').length} />}
      {starter.problem && (
        <ProblemCard problem={starter.problem}>
          <Button onClick={() => starter.forget()}>{t('action.close')}</Button>
        </ProblemCard>
      )}
      <KitReminder />
      {starter.jobs.length > 0 && <Planned starter={starter} />}
      <Cause status={status.data} />
      <Active />
      {failed && !lostSince ? (
        <ProblemCard problem={problemOf(failed.error)}>
          <Button onClick={() => void failed.refetch()}>{t('action.retry')}</Button>
        </ProblemCard>
      ) : (
        <Content databases={databases.data} now={now} lostSince={lostSince} starter={starter} />
      )}
      {starter.dialog}
    </>
  );
}

interface Parts {
  databases: Databases | undefined;
  now: Date;
  lostSince: Date | undefined;
  starter: Starter;
}

function Sentence({ status, databases, now, lostSince, starter }: Parts & { status: StatusReport | undefined }) {
  const { t } = useWording();
  if (status) {
    const action = <RemedyButton status={status} rows={databases?.databases ?? []} starter={starter} />;
    return <StateSentence status={status} now={now} {...(lostSince && { since: lostSince })} action={action} />;
  }
  if (lostSince) return <h1 className="sr">{t('agent.lost')}</h1>;
  return (
    <header className="state">
      <h1 className="sr">{t('dashboard.loading')}</h1>
      <Later>
        <Bone width={32} height={32} round />
        <div className="col gap-2"><Bone width={248} height={16} /><Bone width={380} /></div>
      </Later>
    </header>
  );
}

function Content({ databases, now, lostSince, starter }: Parts) {
  const { t } = useWording();
  const mayAct = useCanAct();
  if (!databases && lostSince) return null; // the banner says it all
  if (databases?.databases.length !== 0 || databases.looking)
    return <DatabaseCard databases={databases} now={now} lostSince={lostSince} starter={starter} />;
  return (
    <EmptyState title={t('empty.title')} actions={<Button kind="primary" icon="plus" disabled={!mayAct} onClick={() => void starter.addServer()}>{t('server.add_button')}</Button>}>
      {t('empty.body')}
    </EmptyState>
  );
}

function PauseBanner({ waiting }: { waiting: number }) {
  const { t } = useWording();
  return (
    <div className="banner info" role="status">
      <Icon name="pause" size={20} />
      <div className="grow"><b>{t('pause.title')}</b> <span className="mut">{t('pause.body', { count: waiting })}</span></div>
    </div>
  );
}

/** Until each place has a recovery kit whose key was tried within a year, the loss of this computer may be the loss of its backups. */
function KitReminder() {
  const { t } = useWording();
  const { data = [] } = useQuery(useAgent().questions.recovery);
  const missing = data.some((s) => !s.kit);
  if (!missing && !data.some((s) => s.drill_due)) return null;
  return (
    <div className="banner warn" role="status">
      <Icon name="key" size={20} />
      <div className="grow"><b>{t(missing ? 'kit.remind' : 'kit.due')}</b> <span className="mut">{t(missing ? 'kit.remind_body' : 'kit.due_body')}</span></div>
      <LinkButton small to="/recovery-kit">{t(missing ? 'kit.remind_do' : 'kit.due_do')}</LinkButton>
    </div>
  );
}

/** What was set up without a question, and where to change it. */
function Planned({ starter }: { starter: Starter }) {
  const { t } = useWording();
  return (
    <div className="banner info" role="status">
      <Icon name="calendar" size={20} />
      <div className="grow">
        <b>{t('start.planned', { time: nightlyAt })}</b> <span className="mut">{t('start.planned_body')}</span>
      </div>
      {starter.jobs.map((j) => <LinkButton key={j.name} small to="/jobs/$job" params={{ job: j.name }}>{t('start.change', { name: j.name })}</LinkButton>)}
      <Button small kind="quiet" icon="cancel" aria-label={t('action.close')} onClick={() => starter.forget()} />
    </div>
  );
}

/** Why the first concern is one: what happened, and what to do about it in words. */
function Cause({ status }: { status: StatusReport | undefined }) {
  const problem = status?.concerns?.[0]?.problem;
  return problem && !status.paused ? <ProblemCard problem={problem} look={status.state === 'attention' ? 'warn' : 'bad'} /> : null;
}

/** What goes on, and what ended a moment ago. */
function Active() {
  const { t } = useWording();
  const runs = [...useRuns().values()];
  const shown = runs.filter((r) => r.status !== 'queued' || waitsForRetry(r)).slice(0, shownRuns);
  const more = runs.filter((r) => !isOver(r)).length - shown.filter((r) => !isOver(r)).length;
  return (
    <>
      {shown.map((r) => <RunCard key={r.id} run={r} />)}
      {more > 0 && shown.length > 0 && <p className="dim small">{t('run.more', { count: more })}</p>}
    </>
  );
}
