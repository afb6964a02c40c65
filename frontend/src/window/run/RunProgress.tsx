import { useWording } from '../../i18n/react';
import type { LiveRun } from '../../state/live';
import { useAct, useCanAct, useStatus } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemLine } from '../../ui/ProblemCard';
import { ProgressBar } from '../../ui/ProgressBar';
import { StateIcon, type Look } from '../../ui/StateIcon';
import { isProving, shareOf, useRunWords } from '../../ui/useRunWords';
import './run.css';
import { stepsOf, type Step } from './steps';

/** A run that waits or goes on: what is being done now, how far it is, how to end it and what that costs. */
export function RunProgress({ run }: { run: LiveRun }) {
  const { t } = useWording();
  const words = useRunWords();
  const cancel = useAct((api, id: string) => api.cancelRun(id));
  const mayAct = useCanAct();
  const waits = run.status === 'queued';
  const ending = cancel.isPending || cancel.isSuccess;
  return (
    <section className="card rp" aria-label={t('run.label', { what: words.kind(run), name: run.database ?? '' })}>
      <div className="rp-h">
        <StateIcon look={waits ? 'off' : 'run'} size={32} />
        <div className="grow">
          <h2>{waits ? t('run.waits', { what: words.kind(run), name: run.database ?? '' }) : words.now(run)}</h2>
          {waits ? <Waiting /> : <p>{isProving(run) ? t('run.apart') : t('run.goes_on')}</p>}
        </div>
        <Button icon="cancel" disabled={!mayAct} busy={ending} onClick={() => cancel.mutate(run.id)}>{ending ? t('run.cancelling') : t('action.cancel')}</Button>
      </div>
      {!waits && <Moving run={run} />}
      {cancel.error && <div className="in-card"><ProblemLine problem={cancel.error} /></div>}
      <p className="rp-f small mut"><b>{t('run.if_cancelled')}:</b> {t(`run.cancelled.${waits ? 'waiting' : loss(run)}`)}</p>
    </section>
  );
}

function loss(run: LiveRun): 'backup' | 'proof' | 'restore' | 'other' {
  if (isProving(run)) return 'proof';
  return run.kind === 'backup' || run.kind === 'restore' ? run.kind : 'other';
}

/** Why it waits; when the whole queue is paused, the way out. */
function Waiting() {
  const { t } = useWording();
  const { data: status } = useStatus();
  const resume = useAct((api) => api.resume());
  const mayAct = useCanAct();
  if (!status?.paused) return <p>{t('run.waits_body')}</p>;
  return (
    <p className="row wrap">
      {t('run.paused')}
      <Button small icon="resume" disabled={!mayAct} busy={resume.isPending} onClick={() => resume.mutate(undefined)}>{t('pause.resume')}</Button>
    </p>
  );
}

function Moving({ run }: { run: LiveRun }) {
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
      <Steps steps={stepsOf(run)} />
      <Announcer run={run} share={share} />
    </div>
  );
}

const looks: Record<Step['state'], Look> = { done: 'ok', now: 'run', next: 'off' };

function Steps({ steps }: { steps: readonly Step[] }) {
  const { t } = useWording();
  if (steps.length === 0) return null;
  return (
    <ol className="checks">
      {steps.map((s) => (
        <li key={s.label} aria-current={s.state === 'now' ? 'step' : undefined}>
          <StateIcon look={looks[s.state]} />
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
