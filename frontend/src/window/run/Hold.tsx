import { lazy, Suspense, useState } from 'react';
import { useWording } from '../../i18n/react';
import type { LiveRun } from '../../state/live';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { isProving } from '../../ui/useRunWords';

const HoldDialog = lazy(async () => ({ default: (await import('./HoldDialog')).HoldDialog }));

/** Makes a run stand still, or go on. A backup keeps its snapshot open on the server meanwhile, which is said first. */
export function Hold({ run, small = false, quiet = false }: { run: LiveRun; small?: boolean; quiet?: boolean }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const [asking, setAsking] = useState(false);
  const turn = useAct((api, hold: boolean) => (hold ? api.pauseRun(run.id) : api.resumeRun(run.id)));
  const opens = holdsSnapshot(run);
  const hold = () => turn.mutate(true, { onSuccess: () => setAsking(false) });
  const name = small ? { 'aria-label': `${t(run.held ? 'run.go_on' : 'run.pause')} ${run.database ?? ''}` } : {};
  if (run.held) return <Button icon="resume" kind={quiet ? 'quiet' : small ? 'plain' : 'primary'} small={small} {...name} disabled={!mayAct} busy={turn.isPending} onClick={() => turn.mutate(false)}>{t('run.go_on')}</Button>;
  return (
    <>
      <Button icon="pause" kind={quiet ? 'quiet' : 'plain'} small={small} {...name} disabled={!mayAct} busy={turn.isPending} onClick={() => (opens ? setAsking(true) : hold())}>{t('run.pause')}</Button>
      <Suspense>{asking && <HoldDialog name={run.database ?? ''} busy={turn.isPending} problem={turn.error} onHold={hold} onClose={() => setAsking(false)} />}</Suspense>
    </>
  );
}

/** A backup that reads its database holds a snapshot open on the server. */
export function holdsSnapshot(run: LiveRun): boolean {
  return run.kind === 'backup' && run.status === 'running' && !isProving(run);
}
