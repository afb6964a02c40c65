import { useNavigate } from '@tanstack/react-router';
import type { Run } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemLine } from '../../ui/ProblemCard';

/** What can be done with a run that failed for good: once more, or let it be. */
export function DeadActions({ run, small = false }: { run: Run; small?: boolean }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const navigate = useNavigate();
  const retry = useAct(async (api) => {
    const [next] = (await api.retryRun(run.id)).runs;
    if (next) await navigate({ to: '/runs/$run', params: { run: next } });
  });
  const dismiss = useAct((api) => api.dismissRun(run.id));
  const name = small ? ` ${run.database ?? ''}` : '';
  return (
    <>
      <Button kind={small ? 'plain' : 'primary'} small={small} icon="again" aria-label={small ? `${t('run.retry')}${name}` : undefined} disabled={!mayAct} busy={retry.isPending} onClick={() => retry.mutate(undefined)}>{t('run.retry')}</Button>
      <Button small={small} kind={small ? 'quiet' : 'plain'} aria-label={small ? `${t('run.dismiss')}${name}` : undefined} disabled={!mayAct} busy={dismiss.isPending} onClick={() => dismiss.mutate(undefined)}>{t('run.dismiss')}</Button>
      {(retry.error ?? dismiss.error) && <ProblemLine problem={(retry.error ?? dismiss.error)!} />}
    </>
  );
}
