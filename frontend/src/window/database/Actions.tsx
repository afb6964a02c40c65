import { lazy, Suspense, useState } from 'react';
import type { DatabaseStatus } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import type { Starter } from '../dashboard/useStart';

const PasswordDialog = lazy(async () => ({ default: (await import('../dashboard/PasswordDialog')).PasswordDialog }));

/** What would help this database most. */
export type Remedy = 'password' | 'back_up' | 'back_up_full' | 'prove' | 'restore' | 'none';

const refusedLogins = new Set(['engine.auth_failed', 'engine.login_not_allowed', 'engine.password_missing', 'engine.no_user']);

export function remedyOf(d: DatabaseStatus): Remedy {
  if (refusedLogins.has(d.problem?.code ?? '')) return 'password';
  if (!d.present) return d.last ? 'restore' : 'none';
  if (d.concern === 'disproven') return 'back_up_full';
  if ((d.concern === 'unproven' || d.concern === 'proof_old') && d.last) return 'prove';
  return d.readable ? 'back_up' : d.last ? 'restore' : 'none';
}

interface Props {
  of: DatabaseStatus;
  remedy: Remedy;
  /** Something goes on with it already. */
  busy: boolean;
  starter: Starter;
  /** The remedy has its button elsewhere on the page. */
  quiet?: boolean;
}

/** The remedy as the page's primary button, and beside it the way back. */
export function Actions({ of: d, remedy, busy, starter, quiet = false }: Props) {
  const { t } = useWording();
  const best = d.proven ?? d.last;
  return (
    <span className="row wrap">
      {best && <LinkButton to="/restore/$backup" params={{ backup: best.id }} icon="restore" kind={remedy === 'restore' ? 'primary' : 'plain'}>{t('database.restore')}</LinkButton>}
      {!quiet && !busy && <RemedyButton of={d} remedy={remedy} starter={starter} />}
    </span>
  );
}

function RemedyButton({ of: d, remedy, starter }: { of: DatabaseStatus; remedy: Remedy; starter: Starter }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  switch (remedy) {
    case 'password':
      return <NewPassword server={d.server ?? ''} />;
    case 'back_up':
      return <Button kind="primary" icon="backup" disabled={!mayAct} busy={starter.busy} onClick={() => void starter.start([d])}>{t('database.back_up')}</Button>;
    case 'back_up_full':
      return <BackUpFull of={d} />;
    case 'prove':
      return d.last ? <Prove backup={d.last.id} /> : null;
    default:
      return null;
  }
}

function NewPassword({ server }: { server: string }) {
  const { t } = useWording();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind="primary" icon="key" disabled={!useCanAct()} onClick={() => setOpen(true)}>{t('remedy.password')}</Button>
      <Suspense>{open && <PasswordDialog server={server} onClose={() => setOpen(false)} />}</Suspense>
    </>
  );
}

/** After a proof that failed: what it found may lie in the backups that the last one leans on. */
function BackUpFull({ of: d }: { of: DatabaseStatus }) {
  const { t } = useWording();
  const start = useAct((api) => api.startBackup({ server: d.server ?? '', databases: [d.database], destination: d.last?.destination ?? '', type: 'full', verify: 'full' }));
  return <Button kind="primary" icon="backup" disabled={!useCanAct()} busy={start.isPending} onClick={() => start.mutate(undefined)}>{t('database.back_up_full')}</Button>;
}

/** Restores a backup into a throw-away server and compares every row. */
export function Prove({ backup, primary = true, busy = false }: { backup: string; primary?: boolean; busy?: boolean }) {
  const { t } = useWording();
  const prove = useAct((api) => api.verify(backup, 'full'));
  return <Button kind={primary ? 'primary' : 'plain'} icon="check" disabled={!useCanAct() || busy} busy={prove.isPending} onClick={() => prove.mutate(undefined)}>{t('database.prove')}</Button>;
}
