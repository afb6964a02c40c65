import { TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useWording } from '../i18n/react';
import { Button } from './Button';
import { Dialog } from './Dialog';

/** Asks before something is lost: says what, and wants its name typed. Case and blanks count. */
export function ConfirmByName({ title, name, loss, action, busy = false, onConfirm, onClose }: {
  title: string;
  name: string;
  loss: ReactNode;
  action: string;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const { t } = useWording();
  const [typed, setTyped] = useState('');
  const same = typed === name;
  return (
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={() => {
        if (same && !busy) onConfirm();
      }}
      footer={
        <>
          <Button onClick={onClose}>{t('action.keep')}</Button>
          <Button kind="danger" type="submit" disabled={!same} busy={busy}>{action}</Button>
        </>
      }
    >
      <div className="loss">{loss}</div>
      <TextInput label={t('confirm.type', { name })} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="off" spellCheck={false} data-autofocus />
    </Dialog>
  );
}
