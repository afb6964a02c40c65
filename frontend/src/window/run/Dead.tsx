import { useNavigate } from '@tanstack/react-router';
import type { Run } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemLine } from '../../ui/ProblemCard';

/** What can be done with a run that failed for good: once more, or let it be. */
export function DeadActions({ run, small = false, onDismiss }: { run: Run; small?: boolean; onDismiss?: () => void }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const navigate = useNavigate();
  const retry = useAct(async (api) => {
    const [next] = (await api.retryRun(run.id)).runs;
    if (next) await navigate({ to: '/runs/$run', params: { run: next } });
  });
  const dismiss = useAct(async (api) => {
    await api.dismissRun(run.id);
    onDismiss?.(); // here, for these buttons are gone as soon as the run is told to be
  });
  const name = small ? ` ${run.database ?? ''}` : '';
  return (
    <>
      <Button kind={small ? 'plain' : 'primary'} small={small} icon="again" aria-label={small ? `${t('run.retry')}${name}` : undefined} disabled={!mayAct} busy={retry.isPending} onClick={() => retry.mutate(undefined)}>{t('run.retry')}</Button>
      <Button small={small} kind={small ? 'quiet' : 'plain'} aria-label={small ? `${t('run.dismiss')}${name}` : undefined} disabled={!mayAct} busy={dismiss.isPending} onClick={() => dismiss.mutate(undefined)}>{t('run.dismiss')}</Button>
      {(retry.error ?? dismiss.error) && <ProblemLine problem={(retry.error ?? dismiss.error)!} />}
    </>
  );
}
