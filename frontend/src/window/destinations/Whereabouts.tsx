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
import { isBucket, reachedOf, whereOf, withReached, type Reached } from './place';

/** Where a place is, and a way to say that it was moved or is reached in another way now. */
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
  const [folder, setFolder] = useState(bucket ? '' : folderOf(place.url));
  const before = reachedOf(place.url);
  const [reached, setReached] = useState(before);
  const [secret, setSecret] = useState('');
  const url = bucket ? withReached(place.url, reached) : urlOf(folder);
  // Without its server a bucket would be looked for at another provider.
  const lacks = bucket && (['endpoint', 'key_id'] as const).some((o) => before[o] !== '' && reached[o].trim() === '');
  const changed = bucket ? url !== withReached(place.url, before) : folder.trim() !== '' && folder.trim() !== folderOf(place.url);
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
      footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" disabled={!mayAct || lacks || (!changed && secret === '')} busy={change.isPending}>{t(change.isPending ? 'place.looking' : 'place.save')}</Button></>}
    >
      <p className="mut">{t(bucket ? 'place.new_key_body' : 'place.moved_body')}</p>
      {bucket ? (
        <>
          <Address reached={reached} before={before} onChange={setReached} />
          <PasswordInput label={t('bucket.secret')} description={t('place.secret_stays')} value={secret} onChange={(e) => setSecret(e.currentTarget.value)} autoComplete="off" visibilityToggleButtonProps={{ 'aria-label': t('bucket.show_secret') }} />
        </>
      ) : (
        <TextInput label={t('destination.folder')} value={folder} onChange={(e) => setFolder(e.currentTarget.value)} spellCheck={false} autoComplete="off" data-autofocus />
      )}
      {change.error && <ProblemLine problem={change.error} />}
    </Dialog>
  );
}

/** The server of a bucket is asked for only where its provider does not say which it is. */
function Address({ reached, before, onChange }: { reached: Reached; before: Reached; onChange: (reached: Reached) => void }) {
  const { t } = useWording();
  const text = (option: keyof Reached) => ({ value: reached[option], onChange: (e: React.ChangeEvent<HTMLInputElement>) => onChange({ ...reached, [option]: e.currentTarget.value }), spellCheck: false, autoComplete: 'off' });
  return (
    <>
      <TextInput label={t('bucket.key_id')} {...text('key_id')} data-autofocus />
      {before.endpoint && <TextInput label={t('bucket.endpoint')} {...text('endpoint')} />}
      {(before.endpoint || before.region) && <TextInput label={t(before.endpoint ? 'bucket.region_optional' : 'bucket.region')} {...text('region')} />}
    </>
  );
}
