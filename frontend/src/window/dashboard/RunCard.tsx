import type { BackupResult } from '../../api/api';
import { useWording } from '../../i18n/react';
import { isOver, type LiveRun } from '../../state/live';
import { useAct, useAgent, useCanAct, useNow } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { ProgressBar } from '../../ui/ProgressBar';
import { StateIcon } from '../../ui/StateIcon';
import { isProving, shareOf, useRunWords, waitsForRetry } from '../../ui/useRunWords';
import { DeadActions } from '../run/Dead';
import { Hold, holdsSnapshot } from '../run/Hold';
import { TryNow } from '../run/TryNow';

/** One run as it goes on, or how it ended. */
export function RunCard({ run }: { run: LiveRun }) {
  if (waitsForRetry(run)) return <Retrying run={run} />;
  if (!isOver(run)) return <Running run={run} />;
  return run.status === 'ok' ? <Done run={run} /> : <Ended run={run} />;
}

function Running({ run }: { run: LiveRun }) {
  const { t, format } = useWording();
  const words = useRunWords();
  const share = shareOf(run);
  const cancel = useAct((api, id: string) => api.cancelRun(id));
  const mayAct = useCanAct();
  return (
    <section className="card run" aria-label={t('run.label', { what: words.kind(run), name: run.database ?? '' })}>
      <div className="row">
        <StateIcon look={run.held ? 'off' : 'run'} />
        <TextLink className="med name" to="/runs/$run" params={{ run: run.id }}><bdi>{run.database ?? words.kind(run)}</bdi></TextLink>
        <span className="mut cut">{words.doing(run)}</span>
      </div>
      <div className="row g3">
        <span className="dim small hide-s">{words.speed(run)}</span>
        <span className="med">{words.left(run)}</span>
        <Hold run={run} small />
        <Button small icon="cancel" disabled={!mayAct} busy={cancel.isPending} onClick={() => cancel.mutate(run.id)}>{t('action.cancel')}</Button>
      </div>
      <ProgressBar thick share={share} label={words.doing(run)} />
      <div className="steps">
        {run.kind === 'backup' && isProving(run) && <span className="row g1"><Icon name="check" size={14} />{t('run.made')}</span>}
        {isProving(run) && <span className="now">{t('run.proving')}</span>}
        <span className="now">{share === undefined ? '' : format.percent(share)}</span>
        <span>{words.amount(run)}</span>
      </div>
      {run.held && holdsSnapshot(run) && <p className="small t-warn wide">{t('run.pause_warning')}</p>}
    </section>
  );
}

/** A run whose last attempt failed and whose next one is to come. */
function Retrying({ run }: { run: LiveRun & { retry_at: string } }) {
  const { t, texts } = useWording();
  const words = useRunWords();
  const now = useNow();
  const cancel = useAct((api, id: string) => api.cancelRun(id));
  const mayAct = useCanAct();
  return (
    <section className="card run" aria-label={t('run.label', { what: words.kind(run), name: run.database ?? '' })}>
      <div className="row">
        <StateIcon look="warn" />
        <TextLink className="med name" to="/runs/$run" params={{ run: run.id }}><bdi>{run.database ?? words.kind(run)}</bdi></TextLink>
        <span className="mut cut">{words.retry(run, now)}, {words.attempt(run)}</span>
      </div>
      <div className="row g3">
        <TryNow run={run} named />
        <Button small icon="cancel" disabled={!mayAct} busy={cancel.isPending} onClick={() => cancel.mutate(run.id)}>{t('action.cancel')}</Button>
      </div>
      {run.problem && <p className="small mut wide">{texts.problem(run.problem).title}</p>}
    </section>
  );
}

function Done({ run }: { run: LiveRun }) {
  const { t, format } = useWording();
  const { live } = useAgent();
  const words = useRunWords();
  const result = run.kind === 'backup' ? (run.result as BackupResult | undefined) : undefined;
  const proven = result?.verify?.status === 'ok';
  const rows = result?.verify?.rows ?? 0; // not every engine counts them
  return (
    <section className="card run" role="status">
      <div className="row">
        <StateIcon look="ok" />
        <TextLink className="med name" to="/runs/$run" params={{ run: run.id }}><bdi>{run.database ?? words.kind(run)}</bdi></TextLink>
        <span className="mut cut">{!proven ? t('run.ok', { what: words.kind(run) }) : rows > 0 ? t('run.proven', { rows: format.count(rows) }) : t('run.proven_whole')}</span>
      </div>
      <div className="row g3">
        {result && <span className="dim small">{t('run.added', { size: format.bytes(result.added_bytes), time: format.duration(result.seconds * 1000) })}</span>}
        <Button small kind="quiet" icon="cancel" aria-label={t('action.close')} onClick={() => live.dismiss(run.id)} />
      </div>
    </section>
  );
}

function Ended({ run }: { run: LiveRun }) {
  const { t } = useWording();
  const { live } = useAgent();
  if (!run.problem) return null;
  return (
    <ProblemCard problem={run.problem} look={run.status === 'failed' ? 'bad' : 'warn'}>
      {run.dead && <DeadActions run={run} small onDismiss={() => live.dismiss(run.id)} />}
      <LinkButton small to="/runs/$run" params={{ run: run.id }}>{t('run.details')}</LinkButton>
      {!run.dead && <Button small onClick={() => live.dismiss(run.id)}>{t('action.close')}</Button>}
    </ProblemCard>
  );
}
