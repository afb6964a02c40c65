import { PasswordInput, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Found, NewServer, Server } from '../../api/api';
import { Problem, problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { EngineBadge, engineName } from '../../ui/EngineBadge';
import { ProblemLine } from '../../ui/ProblemCard';
import type { Answer } from '../../ui/useAsk';
import { proposeName } from './names';

type Engine = Server['engine'];
const engines: Engine[] = ['postgres', 'sqlite'];

/**
 * Adds a server and tries it; one that does not let us in is not kept. For a
 * server that was found only the login is asked.
 */
export function ServerDialog({ found, taken, answer }: { found?: Found; taken: readonly string[]; answer: Answer<Server> }) {
  const { t } = useWording();
  const { api } = useAgent();
  const [engine, setEngine] = useState<Engine>((found?.engine as Engine | undefined) ?? 'postgres');
  const [address, setAddress] = useState(found?.address ?? '');
  const [user, setUser] = useState(found?.user ?? (engine === 'postgres' ? 'postgres' : ''));
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const hasLogin = engine !== 'sqlite';

  const add = async () => {
    setBusy(true);
    setProblem(undefined);
    const server: NewServer = { name: proposeName({ engine, address }, taken), engine, address: address.trim(), ...(hasLogin && user && { user }), ...(hasLogin && password && { password }) };
    try {
      const added = await api.addServer(server);
      const test = await api.testServer(added.name);
      if (test.ok) return answer(added);
      await api.removeServer(added.name);
      if (test.problem) setProblem(new Problem(test.problem));
    } catch (e) {
      setProblem(problemOf(e));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={found ? t('server.login_title', { address: found.address }) : t('server.add_title')}
      onClose={() => answer()}
      onSubmit={() => void add()}
      footer={
        <>
          <Button onClick={() => answer()}>{t('action.cancel')}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={!address.trim()}>{busy ? t('server.trying') : t('server.add')}</Button>
        </>
      }
    >
      {found ? (
        <div className="row"><EngineBadge engine={found.engine} /><span>{found.product} {found.version}</span><span className="dim">{found.address}</span></div>
      ) : (
        <>
          <Select label={t('server.engine')} data={engines.map((e) => ({ value: e, label: engineName(e) }))} value={engine} onChange={(e) => e && setEngine(e)} />
          <TextInput label={t(hasLogin ? 'server.address' : 'server.file')} placeholder={hasLogin ? '127.0.0.1:5432' : '/srv/inventory.db'} value={address} onChange={(e) => setAddress(e.currentTarget.value)} spellCheck={false} data-autofocus />
        </>
      )}
      {hasLogin && (
        <>
          <TextInput label={t('server.user')} value={user} onChange={(e) => setUser(e.currentTarget.value)} autoComplete="off" spellCheck={false} data-autofocus={found ? true : undefined} />
          <PasswordInput label={t('server.password')} description={t('server.password_kept')} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="off" visibilityToggleButtonProps={{ 'aria-label': t('server.show_password') }} />
        </>
      )}
      {problem && <ProblemLine problem={problem} />}
    </Dialog>
  );
}
