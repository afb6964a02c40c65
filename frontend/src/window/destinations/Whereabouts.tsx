import { PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Destination } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';
import { folderOf, urlOf } from '../dashboard/names';
import { isBucket, keyIdOf, whereOf, withKeyId } from './place';

/** Where a place is, and a way to say that it was moved or has another key now. */
export function Whereabouts({ place }: { place: Destination }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const [open, setOpen] = useState(false);
  return (
    <p className="mut row wrap">
      <span className="wrap-any">{whereOf(place.url)}</span>
      <Button small disabled={!mayAct} onClick={() => setOpen(true)}>{t(isBucket(place.url) ? 'place.new_key' : 'place.moved')}</Button>
      {open && <Change place={place} onClose={() => setOpen(false)} />}
    </p>
  );
}

/** The agent keeps a new address or key only when it finds the backups with it. */
function Change({ place, onClose }: { place: Destination; onClose: () => void }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const client = useQueryClient();
  const { questions } = useAgent();
  const bucket = isBucket(place.url);
  const [at, setAt] = useState(bucket ? keyIdOf(place.url) : folderOf(place.url));
  const [secret, setSecret] = useState('');
  const url = bucket ? withKeyId(place.url, at) : urlOf(at);
  const changed = at.trim() !== '' && at.trim() !== (bucket ? keyIdOf(place.url) : folderOf(place.url));
  const change = useAct((api) => api.editDestination(place.name, { ...(changed && { url }), ...(secret && { secret }) }));
  const done = () => {
    for (const q of [questions.usage(place.name), questions.keys(place.name)]) void client.resetQueries({ queryKey: q.queryKey });
    onClose();
  };
  return (
    <Dialog
      title={t(bucket ? 'place.new_key_title' : 'place.moved_title', { name: place.name })}
      onClose={onClose}
      onSubmit={() => change.mutate(undefined, { onSuccess: done })}
      footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" disabled={!mayAct || (!changed && secret === '')} busy={change.isPending}>{t(change.isPending ? 'place.looking' : 'place.save')}</Button></>}
    >
      <p className="mut">{t(bucket ? 'place.new_key_body' : 'place.moved_body')}</p>
      <TextInput label={t(bucket ? 'bucket.key_id' : 'destination.folder')} value={at} onChange={(e) => setAt(e.currentTarget.value)} spellCheck={false} autoComplete="off" data-autofocus />
      {bucket && <PasswordInput label={t('bucket.secret')} value={secret} onChange={(e) => setSecret(e.currentTarget.value)} autoComplete="off" visibilityToggleButtonProps={{ 'aria-label': t('bucket.show_secret') }} />}
      {change.error && <ProblemLine problem={change.error} />}
    </Dialog>
  );
}
