import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { Backup } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { isOver } from '../../state/live';
import { useAgent, useLink } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { StateIcon } from '../../ui/StateIcon';
import { Outcome } from '../run/Outcome';
import { LoadingRun } from '../run/RunPage';
import { RunProgress } from '../run/RunProgress';
import { useRun } from '../run/useRun';
import { Choose } from './Choose';
import './restore.css';

const route = getRouteApi('/restore/$backup');

/** Brings a backup back, in three steps: choose, restore, result. The address holds the run, so that one finds back to it. */
export function RestorePage() {
  const { t } = useWording();
  const { backup: id } = route.useParams();
  const { run } = route.useSearch();
  const { questions } = useAgent();
  const backup = useQuery(questions.backup(id));
  const servers = useQuery(questions.servers);
  const lost = useLink().state === 'lost';
  const failed = [backup, servers].find((q) => q.isError && !q.data);
  if (run !== undefined) return <Going backup={backup.data} run={run} />;
  if (backup.data && servers.data)
    return (
      <>
        <Head of={backup.data} at={1} />
        <Choose key={id} backup={backup.data} servers={servers.data} />
      </>
    );
  return (
    <>
      <PageHead crumb={<TextLink to="/">{t('nav.dashboard')}</TextLink>} title={t('run.restore')} />
      {failed && !lost ? (
        <ProblemCard problem={problemOf(failed.error)}>
          <Button kind="primary" onClick={() => void failed.refetch()}>{t('action.retry')}</Button>
          <LinkButton to="/">{t('nav.dashboard')}</LinkButton>
        </ProblemCard>
      ) : (
        <LoadingRun />
      )}
    </>
  );
}

/** The restore while it goes on, and its result. */
function Going({ backup, run: id }: { backup: Backup | undefined; run: string }) {
  const { t, format } = useWording();
  const navigate = route.useNavigate();
  const { run, failed, retry } = useRun(id);
  const lost = useLink().state === 'lost';
  const done = run?.status === 'ok';
  const untouched = backup && run && backup.database !== run.database ? t('restore.was_untouched', { name: backup.database }) : '';
  const note = backup ? `${t('restore.as_of', { time: format.time(new Date(backup.finished)) })} ${untouched}` : '';
  const back = <Button kind="primary" onClick={() => void navigate({ search: {} })}>{t('restore.change')}</Button>;
  return (
    <>
      <Head of={backup} at={done ? 3 : 2} />
      {failed && !lost ? (
        <ProblemCard problem={problemOf(failed)}><Button onClick={retry}>{t('action.retry')}</Button></ProblemCard>
      ) : !run ? (
        <LoadingRun />
      ) : isOver(run) ? (
        <Outcome run={run} {...(done ? { note } : { actions: back })} />
      ) : (
        <RunProgress run={run} />
      )}
    </>
  );
}

const steps = ['restore.step.choose', 'restore.step.restore', 'restore.step.result'] as const;

function Head({ of: b, at }: { of: Backup | undefined; at: 1 | 2 | 3 }) {
  const { t } = useWording();
  const crumb = b && <TextLink to="/databases/$server/$database" params={{ server: b.server, database: b.database }}>{b.database}</TextLink>;
  return (
    <PageHead crumb={<><TextLink to="/">{t('nav.dashboard')}</TextLink>{crumb && <Icon name="right" size={12} />}{crumb}</>} title={b ? t('restore.title', { name: b.database }) : t('run.restore')}>
      <ol className="wiz" aria-label={t('restore.steps', { at })}>
        {steps.map((s, i) => (
          <li key={s} className="row g1" aria-current={i + 1 === at ? 'step' : undefined}>
            {i > 0 && <Icon name="right" size={12} />}
            {i + 1 < at && <StateIcon look="ok" size={12} />}
            {t(s)}
          </li>
        ))}
      </ol>
    </PageHead>
  );
}
