import type { Run } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';

/** Makes a run that waits for another attempt begin at once. In a list it is `named` after its database. */
export function TryNow({ run, named = false, quiet = false }: { run: Run; named?: boolean; quiet?: boolean }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const retry = useAct((api) => api.retryRun(run.id));
  return <Button small kind={quiet ? 'quiet' : 'plain'} icon="again" aria-label={named ? `${t('run.try_now')} ${run.database ?? ''}` : undefined} disabled={!mayAct} busy={retry.isPending} onClick={() => retry.mutate(undefined)}>{t('run.try_now')}</Button>;
}
