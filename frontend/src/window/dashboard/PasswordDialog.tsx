import { PasswordInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Problem } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';

/** Asks for the login of a server that refused the old one, and tries it before the dialog closes. */
export function PasswordDialog({ server, onClose, onSaved }: { server: string; onClose: () => void; onSaved?: () => void }) {
  const { t } = useWording();
  const { data: servers } = useQuery(useAgent().questions.servers);
  const present = servers?.find((s) => s.name === server);
  const [typed, setTyped] = useState<string>();
  const [password, setPassword] = useState('');
  const user = typed ?? present?.user ?? '';
  const save = useAct(async (api) => {
    if (!present) return;
    await api.editServer(server, { ...present, ...(user && { user }), password });
    const test = await api.testServer(server);
    if (test.problem) throw new Problem(test.problem);
    onClose();
    onSaved?.();
  });
  return (
    <Dialog
      title={t('server.password_title', { name: server })}
      onClose={onClose}
      onSubmit={() => save.mutate(undefined)}
      footer={
        <>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button kind="primary" type="submit" busy={save.isPending} disabled={!present || !password}>{save.isPending ? t('server.trying') : t('server.save')}</Button>
        </>
      }
    >
      <TextInput label={t('server.user')} value={user} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="off" spellCheck={false} />
      <PasswordInput label={t('server.password')} description={t('server.password_kept')} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="off" data-autofocus visibilityToggleButtonProps={{ 'aria-label': t('server.show_password') }} />
      {save.error && <ProblemLine problem={save.error} />}
    </Dialog>
  );
}
