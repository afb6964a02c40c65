import { useQuery } from '@tanstack/react-query';
import { useWording } from '../../i18n/react';
import type { LiveRun } from '../../state/live';
import { useAct, useAgent, useCanAct, useNow, useStatus } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemLine } from '../../ui/ProblemCard';
import { ProgressBar } from '../../ui/ProgressBar';
import { StateIcon, type Look } from '../../ui/StateIcon';
import { aboutOf, isProving, shareOf, useRunWords } from '../../ui/useRunWords';
import { Hold, holdsSnapshot } from './Hold';
import './run.css';
import { stepsOf, type Step } from './steps';
import { TryNow } from './TryNow';

/** A run that waits or goes on: what is being done now, how far it is, how to end it and what that costs. */
export function RunProgress({ run }: { run: LiveRun }) {
  const { t } = useWording();
  const words = useRunWords();
  const cancel = useAct((api, id: string) => api.cancelRun(id));
  const mayAct = useCanAct();
  const engine = useEngine(run);
  const waits = run.status === 'queued';
  const ending = cancel.isPending || cancel.isSuccess;
  return (
    <section className="card rp" aria-label={t('run.label', { what: words.kind(run), name: aboutOf(run) })}>
      <div className="rp-h">
        <StateIcon look={waits || run.held ? 'off' : 'run'} size={32} />
        <div className="grow">
          <h2>{run.held ? t('run.held', { what: words.kind(run), name: aboutOf(run) }) : waits ? t('run.waits', { what: words.kind(run), name: aboutOf(run) }) : words.now(run)}</h2>
          {run.held ? <p>{t(holdsSnapshot(run) ? 'run.pause_warning' : 'run.held_body')}</p> : waits ? <Waiting run={run} /> : <p>{isProving(run) ? t(engine === 'sqlite' ? 'run.apart_file' : 'run.apart') : t('run.goes_on')}</p>}
        </div>
        {(run.held === true || !run.retry_at) && <Hold run={run} />}
        <Button icon="cancel" disabled={!mayAct} busy={ending} onClick={() => cancel.mutate(run.id)}>{ending ? t('run.cancelling') : t('action.cancel')}</Button>
      </div>
      {!waits && <Moving run={run} engine={engine} />}
      {cancel.error && <div className="in-card"><ProblemLine problem={cancel.error} /></div>}
      <p className="rp-f small mut"><b>{t('run.if_cancelled')}:</b> {t(`run.cancelled.${waits ? 'waiting' : loss(run)}`)}</p>
    </section>
  );
}

/** The engine of the server that a run is about, once that is known. */
function useEngine(run: LiveRun): string | undefined {
  return useQuery(useAgent().questions.servers).data?.find((s) => s.name === run.server)?.engine;
}

function loss(run: LiveRun): 'backup' | 'proof' | 'restore' | 'prune' | 'other' {
  if (isProving(run)) return 'proof';
  return run.kind === 'backup' || run.kind === 'restore' || run.kind === 'prune' ? run.kind : 'other';
}

/** Why it waits; when the whole queue is paused, the way out. */
function Waiting({ run }: { run: LiveRun }) {
  const { t } = useWording();
  const { data: status } = useStatus();
  const resume = useAct((api) => api.resume());
  const mayAct = useCanAct();
  if (run.retry_at && !status?.paused) return <NextAttempt run={run} at={run.retry_at} />;
  if (!status?.paused) return <p>{t('run.waits_body')}</p>;
  return (
    <p className="row wrap">
      {t('run.paused')}
      <Button small icon="resume" disabled={!mayAct} busy={resume.isPending} onClick={() => resume.mutate(undefined)}>{t('pause.resume')}</Button>
    </p>
  );
}

/** Why the last attempt failed, when the next is made, and the way not to wait for it. */
function NextAttempt({ run, at }: { run: LiveRun; at: string }) {
  const { t, texts, format } = useWording();
  const now = useNow();
  const why = run.problem && texts.problem(run.problem);
  return (
    <>
      {why && <p><b>{t('run.attempt_failed', { n: run.attempt ?? 1, all: run.attempts ?? 1 })}</b> {why.title} {why.remedy}</p>}
      <p className="row wrap">
        {t('run.next_try', { time: format.coming(new Date(at), now) })}
        <TryNow run={run} />
      </p>
    </>
  );
}

function Moving({ run, engine }: { run: LiveRun; engine: string | undefined }) {
  const { format } = useWording();
  const words = useRunWords();
  const share = shareOf(run);
  return (
    <div className="rp-b">
      <div className="row">
        <span className="med cut">{words.doing(run)}</span>
        <span className="push med nw">{words.left(run)}</span>
      </div>
      <ProgressBar thick share={share} label={words.stage(run)} />
      <div className="row g3 small">
        {share !== undefined && <b>{format.percent(share)}</b>}
        <span className="mut">{words.amount(run)}</span>
        <span className="mut push">{words.speed(run)}</span>
      </div>
      <Steps steps={stepsOf(run, engine)} held={run.held === true} />
      <Announcer run={run} share={share} />
    </div>
  );
}

const looks: Record<Step['state'], Look> = { done: 'ok', now: 'run', next: 'off' };

function Steps({ steps, held }: { steps: readonly Step[]; held: boolean }) {
  const { t } = useWording();
  if (steps.length === 0) return null;
  return (
    <ol className="checks">
      {steps.map((s) => (
        <li key={s.label} aria-current={s.state === 'now' ? 'step' : undefined}>
          <StateIcon look={held && s.state === 'now' ? 'off' : looks[s.state]} />
          <span className={s.state === 'next' ? 'mut' : 'med'}>{t(s.label)}</span>
        </li>
      ))}
    </ol>
  );
}

/** Tells readers of the screen each stage and each quarter of it, not every tick. */
function Announcer({ run, share }: { run: LiveRun; share: number | undefined }) {
  const { t, format } = useWording();
  const words = useRunWords();
  const doing = words.stage(run);
  return <span className="sr" role="status">{share === undefined ? doing : t('run.announce', { doing, percent: format.percent(Math.floor(share * 4) / 4) })}</span>;
}
