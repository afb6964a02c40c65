import { useState } from 'react';
import type { Destination } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { Card } from '../../ui/Page';
import { ProblemLine } from '../../ui/ProblemCard';
import { FormRow, NumberField } from '../jobs/FormRow';
import '../jobs/jobs.css';
import { isBucket } from './place';

/** How a place is kept: within how many days it is read through, and for how long it forbids deletion. */
export function Keeping({ place }: { place: Destination }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const [reread, setReread] = useState(place.reread_days ?? 0);
  const [lock, setLock] = useState(place.lock_days ?? 0);
  const changed = reread !== (place.reread_days ?? 0) || lock !== (place.lock_days ?? 0);
  const save = useAct((api) => api.editDestination(place.name, { reread_days: reread, ...(isBucket(place.url) && { lock_days: lock }) }));
  const read = useAct((api) => api.reread(place.name));
  const [run] = read.data?.runs ?? [];
  const problem = save.error ?? read.error;
  return (
    <Card title={t('place.keeping')}>
      <form
        className="col gap-2"
        onSubmit={(e) => {
          e.preventDefault();
          if (changed && mayAct && !save.isPending) save.mutate(undefined);
        }}
      >
        <FormRow label={t('place.reread')} help={t('place.reread_help')}>
          <NumberField label={t('place.reread_days')} value={reread} max={3650} onChange={setReread} />
        </FormRow>
        {isBucket(place.url) && (
          <FormRow label={t('place.lock')} help={t('place.lock_help')}>
            <NumberField label={t('place.lock_days')} value={lock} max={36_500} onChange={setLock} />
          </FormRow>
        )}
        <div className="card-b row wrap">
          <Button type="submit" disabled={!mayAct || !changed} busy={save.isPending}>{t('place.save')}</Button>
          <Button icon="eye" disabled={!mayAct || run !== undefined} busy={read.isPending} onClick={() => read.mutate(undefined)}>{t('place.reread_now')}</Button>
          {run && <LinkButton kind="quiet" to="/runs/$run" params={{ run }}>{t('place.reread_begun')}</LinkButton>}
          {save.isSuccess && !changed && <span className="t-ok small" role="status">{t('place.saved')}</span>}
        </div>
        {problem && <div className="in-card"><ProblemLine problem={problem} /></div>}
      </form>
    </Card>
  );
}
