import { PasswordInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Destination } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct, useLink } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Card } from '../../ui/Page';
import { ProblemCard, ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { isBucket } from './place';

/** What the place holds, as far as it can be read; what to do when it cannot. */
export function Usage({ place }: { place: Destination }) {
  const { t, format } = useWording();
  const { questions } = useAgent();
  const usage = useQuery(questions.usage(place.name));
  const recovery = useQuery(questions.recovery);
  const lost = useLink().state === 'lost';
  const known = recovery.data?.find((r) => r.destination === place.name);
  const [unlocking, setUnlocking] = useState(false);
  if (usage.isError && !lost) {
    const problem = problemOf(usage.error);
    return (
      <ProblemCard problem={problem}>
        {problem.code === 'agent.repository_key_missing' && <Button kind="primary" icon="key" onClick={() => setUnlocking(true)}>{t('place.unlock')}</Button>}
        <Button onClick={() => void usage.refetch()}>{t('action.retry')}</Button>
        {unlocking && <Unlock place={place} onClose={() => setUnlocking(false)} />}
      </ProblemCard>
    );
  }
  const { data } = usage;
  const waits = <Later><Bone width={64} /></Later>;
  return (
    <Card>
      <dl className="facts">
        <div><dt>{t('place.backups')}</dt><dd>{data ? format.count(data.backups) : waits}</dd></div>
        <div><dt>{t('place.used')}</dt><dd>{data ? format.bytes(data.bytes) : waits}</dd></div>
        {data?.free_bytes !== -1 && <div><dt>{t('place.free')}</dt><dd>{data ? format.bytes(data.free_bytes) : waits}</dd></div>}
        {known && <div><dt>{t('kit.title')}</dt><dd>{known.kit ? t('kit.made', { date: format.date(new Date(known.kit)) }) : <span className="t-warn">{t('kit.none')}</span>}</dd></div>}
      </dl>
      {!data && <span className="sr" role="status">{t('place.measuring')}</span>}
    </Card>
  );
}

/** Asks for what opens a place that this computer has no key to. */
function Unlock({ place, onClose }: { place: Destination; onClose: () => void }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const client = useQueryClient();
  const { questions } = useAgent();
  const [key, setKey] = useState('');
  const [secret, setSecret] = useState('');
  const unlock = useAct((api) => api.unlock(place.name, { passphrase: key.trim(), ...(secret && { secret }) }));
  const opened = () => {
    for (const q of [questions.usage(place.name), questions.keys(place.name)]) void client.resetQueries({ queryKey: q.queryKey });
    onClose();
  };
  return (
    <Dialog
      title={t('place.unlock_title', { name: place.name })}
      onClose={onClose}
      onSubmit={() => unlock.mutate(undefined, { onSuccess: opened })}
      footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" disabled={!mayAct || key.trim() === ''} busy={unlock.isPending}>{t(unlock.isPending ? 'place.unlocking' : 'place.unlock_do')}</Button></>}
    >
      <PasswordInput label={t('kit.key')} description={t('kit.key_help')} value={key} onChange={(e) => setKey(e.currentTarget.value)} autoComplete="off" data-autofocus visibilityToggleButtonProps={{ 'aria-label': t('place.show_key') }} />
      {isBucket(place.url) && <PasswordInput label={t('bucket.secret')} description={t('place.secret_help')} value={secret} onChange={(e) => setSecret(e.currentTarget.value)} autoComplete="off" visibilityToggleButtonProps={{ 'aria-label': t('bucket.show_secret') }} />}
      {unlock.error && <ProblemLine problem={unlock.error} />}
    </Dialog>
  );
}
