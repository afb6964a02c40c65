import { lazy, Suspense, useState } from 'react';
import type { DatabaseStatus, StatusReport } from '../../api/api';
import { useWording } from '../../i18n/react';
import type { LiveRun } from '../../state/live';
import { useAct, useCanAct, useRuns } from '../../state/react';
import { Button } from '../../ui/Button';
import { runFor } from './DatabaseRow';
import { remedyOf, type Remedy } from './remedy';
import type { Starter } from './useStart';

const PasswordDialog = lazy(async () => ({ default: (await import('./PasswordDialog')).PasswordDialog }));

/** The page's one primary button: the remedy itself, not a way to read about it. */
export function RemedyButton({ status, rows, starter }: { status: StatusReport; rows: readonly DatabaseStatus[]; starter: Starter }) {
  const runs = useRuns();
  const remedy = remedyOf(status, rows);
  if (!remedy || isUnderWay(remedy, runs)) return null;
  if (remedy.kind === 'resume') return <Resume />;
  if (remedy.kind === 'password') return <NewPassword server={remedy.server} rows={remedy.rows} starter={starter} />;
  if (remedy.kind === 'prove') return <Prove row={remedy.row} />;
  return <BackUp remedy={remedy} starter={starter} />;
}

/** Whether what the remedy would do is being done already. */
function isUnderWay(remedy: Remedy, runs: ReadonlyMap<string, LiveRun>): boolean {
  if (remedy.kind === 'resume') return false;
  const rows = remedy.kind === 'prove' ? [remedy.row] : remedy.rows;
  return rows.length > 0 && rows.every((row) => runFor(row, runs) !== undefined);
}

function Resume() {
  const { t } = useWording();
  const resume = useAct((api) => api.resume());
  return <Button kind="primary" icon="resume" disabled={!useCanAct()} busy={resume.isPending} onClick={() => resume.mutate(undefined)}>{t('pause.resume')}</Button>;
}

function Prove({ row }: { row: DatabaseStatus }) {
  const { t } = useWording();
  const prove = useAct((api, backup: string) => api.verify(backup, 'full'));
  return (
    <Button kind="primary" icon="check" disabled={!useCanAct()} busy={prove.isPending} onClick={() => row.last && prove.mutate(row.last.id)}>
      {t('remedy.prove', { name: row.database })}
    </Button>
  );
}

/** The new password is tried first; what failed for want of it is then done at once. */
function NewPassword({ server, rows, starter }: { server: string; rows: DatabaseStatus[]; starter: Starter }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind="primary" icon="key" disabled={!mayAct} busy={starter.busy} onClick={() => setOpen(true)}>{t('remedy.password')}</Button>
      <Suspense>{open && <PasswordDialog server={server} onClose={() => setOpen(false)} onSaved={() => void starter.start(rows)} />}</Suspense>
    </>
  );
}

function BackUp({ remedy, starter }: { remedy: Extract<Remedy, { kind: 'back_up' | 'back_up_all' | 'protect' }>; starter: Starter }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const { rows } = remedy;
  const label = {
    back_up: rows.length === 1 && rows[0]?.database ? t('remedy.back_up', { name: rows[0].database }) : t('remedy.back_up_some', { count: rows.length }),
    back_up_all: t('remedy.back_up_all'),
    protect: t('remedy.protect'),
  }[remedy.kind];
  return <Button kind="primary" icon="backup" disabled={!mayAct} busy={starter.busy} onClick={() => void starter.start(rows)}>{label}</Button>;
}
