import { PasswordInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { KeySlot } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct, useLink } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { ConfirmByName } from '../../ui/ConfirmByName';
import { Dialog } from '../../ui/Dialog';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';

type Asking = { what: 'add' | 'rotate' } | { what: 'remove'; key: KeySlot };

/** What opens the backups of a place: keys of computers, passphrases, recovery kits. */
export function Keys({ name }: { name: string }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const { questions } = useAgent();
  const keys = useQuery(questions.keys(name));
  const lost = useLink().state === 'lost';
  const [asking, setAsking] = useState<Asking>();
  const close = () => setAsking(undefined);
  return (
    <Card title={t('keys.title')}>
      {keys.data ? (
        <ul className="checks in-card">
          {keys.data.map((k) => <Line key={k.id} slot={k} onRemove={() => setAsking({ what: 'remove', key: k })} />)}
        </ul>
      ) : keys.isError && !lost ? (
        <div className="card-b col gap-3"><ProblemLine problem={problemOf(keys.error)} /><div><Button small onClick={() => void keys.refetch()}>{t('action.retry')}</Button></div></div>
      ) : (
        <div className="card-b"><span className="sr" role="status">{t('keys.loading')}</span><Later><Bone width={280} /></Later></div>
      )}
      <div className="card-b row wrap">
        <Button icon="plus" disabled={!mayAct || !keys.data} onClick={() => setAsking({ what: 'add' })}>{t('keys.add')}</Button>
        <Button icon="again" disabled={!mayAct || !keys.data} onClick={() => setAsking({ what: 'rotate' })}>{t('keys.rotate')}</Button>
        <LinkButton icon="key" to="/recovery-kit">{t('keys.drill')}</LinkButton>
      </div>
      {asking?.what === 'add' && <Add name={name} onClose={close} />}
      {asking?.what === 'rotate' && <Rotate name={name} onClose={close} />}
      {asking?.what === 'remove' && <Remove name={name} slot={asking.key} onClose={close} />}
    </Card>
  );
}

function Line({ slot: k, onRemove }: { slot: KeySlot; onRemove: () => void }) {
  const { t, format } = useWording();
  const mayAct = useCanAct();
  const what = k.this ? t('keys.kind.this') : t(`keys.kind.${k.kind}`);
  return (
    <li className="channel">
      <Icon name={k.kind === 'passphrase' ? 'lock' : k.kind === 'age' ? 'file' : 'machine'} />
      <span className="med">{what}</span>
      <span>{!k.this && <Button small kind="quiet" disabled={!mayAct} aria-label={t('keys.remove_of', { what, id: k.id })} onClick={onRemove}>{t('keys.remove')}</Button>}</span>
      <span className="sub wrap-any">{k.created ? t('keys.since', { date: format.date(new Date(k.created)) }) : ''} <span className="mono">{k.recipient ?? k.id}</span></span>
    </li>
  );
}

/** Changes keys and shows at once what the agent answers: the list is asked for only once. */
function useKeys(name: string, call: Parameters<typeof useAct<undefined, KeySlot[]>>[0], done: () => void) {
  const client = useQueryClient();
  const { queryKey } = useAgent().questions.keys(name);
  const change = useAct(call);
  return {
    ...change,
    go: () => change.mutate(undefined, {
      onSuccess: (all) => {
        client.setQueryData(queryKey, all);
        done();
      },
    }),
  };
}

function Add({ name, onClose }: { name: string; onClose: () => void }) {
  const { t } = useWording();
  const [typed, setTyped] = useState('');
  const [again, setAgain] = useState('');
  const add = useKeys(name, (api) => api.addKey(name, { passphrase: typed }), onClose);
  const whole = typed.trim() !== '' && typed === again;
  const toggle = { 'aria-label': t('destination.show_passphrase') };
  return (
    <Dialog
      title={t('keys.add_title', { name })}
      onClose={onClose}
      onSubmit={() => {
        if (whole && !add.isPending) add.go();
      }}
      footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" disabled={!whole} busy={add.isPending}>{t('keys.add_do')}</Button></>}
    >
      <p className="mut">{t('keys.add_body')}</p>
      <PasswordInput label={t('keys.passphrase')} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="new-password" data-autofocus visibilityToggleButtonProps={toggle} />
      <PasswordInput label={t('keys.again')} value={again} onChange={(e) => setAgain(e.currentTarget.value)} autoComplete="new-password" error={again !== '' && typed !== again && t('keys.differ')} visibilityToggleButtonProps={toggle} />
      {add.error && <ProblemLine problem={add.error} />}
    </Dialog>
  );
}

function Rotate({ name, onClose }: { name: string; onClose: () => void }) {
  const { t } = useWording();
  const rotate = useKeys(name, (api) => api.rotateKey(name), onClose);
  return (
    <Dialog
      title={t('keys.rotate_title', { name })}
      onClose={onClose}
      onSubmit={() => {
        if (!rotate.isPending) rotate.go();
      }}
      footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" busy={rotate.isPending}>{t('keys.rotate_do')}</Button></>}
    >
      <p className="mut">{t('keys.rotate_body')}</p>
      {rotate.error && <ProblemLine problem={rotate.error} />}
    </Dialog>
  );
}

function Remove({ name, slot, onClose }: { name: string; slot: KeySlot; onClose: () => void }) {
  const { t } = useWording();
  const remove = useKeys(name, async (api) => {
    await api.removeKey(name, slot.id);
    return api.keys(name);
  }, onClose);
  return (
    <ConfirmByName
      title={t('keys.remove_title', { what: t(`keys.kind.${slot.kind}`) })}
      name={name}
      action={t('keys.remove_do')}
      busy={remove.isPending}
      loss={<div className="col gap-2"><p>{t('keys.remove_loss', { name })}</p>{remove.error && <ProblemLine problem={remove.error} />}</div>}
      onConfirm={remove.go}
      onClose={onClose}
    />
  );
}
