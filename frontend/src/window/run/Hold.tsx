import { useState } from 'react';
import { useWording } from '../../i18n/react';
import type { LiveRun } from '../../state/live';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';
import { isProving } from '../../ui/useRunWords';

/** Makes a run stand still, or go on. A backup keeps its snapshot open on the server meanwhile, which is said first. */
export function Hold({ run }: { run: LiveRun }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const [asking, setAsking] = useState(false);
  const turn = useAct((api, hold: boolean) => (hold ? api.pauseRun(run.id) : api.resumeRun(run.id)));
  const opens = holdsSnapshot(run);
  const hold = () => turn.mutate(true, { onSuccess: () => setAsking(false) });
  if (run.held) return <Button icon="resume" kind="primary" disabled={!mayAct} busy={turn.isPending} onClick={() => turn.mutate(false)}>{t('run.go_on')}</Button>;
  return (
    <>
      <Button icon="pause" disabled={!mayAct} busy={turn.isPending} onClick={() => (opens ? setAsking(true) : hold())}>{t('run.pause')}</Button>
      {asking && (
        <Dialog
          title={t('run.pause_title', { name: run.database ?? '' })}
          onClose={() => setAsking(false)}
          onSubmit={hold}
          footer={
            <>
              <Button onClick={() => setAsking(false)}>{t('action.cancel')}</Button>
              <Button kind="primary" icon="pause" type="submit" busy={turn.isPending}>{t('run.pause')}</Button>
            </>
          }
        >
          <div className="loss">{t('run.pause_warning')}</div>
          {turn.error && <ProblemLine problem={turn.error} />}
        </Dialog>
      )}
    </>
  );
}

/** A backup that reads its database holds a snapshot open on the server. */
export function holdsSnapshot(run: LiveRun): boolean {
  return run.kind === 'backup' && run.status === 'running' && !isProving(run);
}
