import { Drawer } from '@mantine/core';
import type { Backup } from '../../api/api';
import { useWording } from '../../i18n/react';
import { isOver } from '../../state/live';
import { useRuns } from '../../state/react';
import { LinkButton } from '../../ui/Button';
import { engineName } from '../../ui/EngineBadge';
import { Proof } from '../../ui/Proof';
import { useTypeName } from '../../ui/useTypeName';
import { Keeping } from '../backups/Keeping';
import { LabelEditor } from '../backups/LabelEditor';
import { ProofChecks } from '../run/ProofChecks';
import { RunProgress } from '../run/RunProgress';
import { Warnings } from '../run/Warnings';
import { Prove } from './Actions';
import { ProofMark } from './BackupTable';
import './database.css';

/** One backup in full: what is in it, how it was proven, and what can be done with it. */
export function BackupDrawer({ backup: b, onClose }: { backup: Backup; onClose: () => void }) {
  const { t, format } = useWording();
  const proving = [...useRuns().values()].find((r) => r.kind === 'verify' && r.backup === b.id && !isOver(r));
  return (
    <Drawer opened onClose={onClose} position="right" size={520} lockScroll={false} title={t('database.backup_of', { time: format.time(new Date(b.finished)) })} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <div className="drawer">
        <ProofMark of={b} />
        <LabelEditor key={b.id} of={b} />
        <Contents of={b} />
        <Keeping of={b} />
        {proving && <RunProgress run={proving} />}
        {b.proof && !proving && (
          <>
            <Proof proof={b.proof} />
            <ProofChecks proof={b.proof} />
          </>
        )}
        <Warnings of={b.warnings} />
      </div>
      <div className="drawer-f">
        <Prove backup={b.id} primary={false} busy={proving !== undefined} />
        <LinkButton to="/restore/$backup" params={{ backup: b.id }} icon="restore" kind="primary">{t('database.restore')}</LinkButton>
      </div>
    </Drawer>
  );
}

function Contents({ of: b }: { of: Backup }) {
  const { t, format } = useWording();
  const typeName = useTypeName();
  const facts: [name: string, value: string][] = [
    [t('database.content'), b.tables > 0 ? t('database.content_of', { size: format.bytes(b.plain_bytes), tables: b.tables }) : format.bytes(b.plain_bytes)],
    ...(b.rows > 0 ? [[t('database.rows'), format.count(b.rows)] as [string, string]] : []),
    [t('database.type'), typeName(b.type)],
    [t('database.version'), `${engineName(b.engine)} ${b.server_version}`],
    [t('database.stored'), format.bytes(b.stored_bytes)],
    [t('database.added'), format.bytes(b.added_bytes)],
    [t('database.took'), format.duration(Date.parse(b.finished) - Date.parse(b.started))],
    [t('database.where'), [b.destination, ...(b.copies ?? [])].join(', ')],
    [t('database.machine'), b.machine],
    [t('database.id'), b.id],
  ];
  return (
    <dl className="kv">
      {facts.map(([name, value]) => <Pair key={name} name={name} value={value} />)}
    </dl>
  );
}

function Pair({ name, value }: { name: string; value: string }) {
  return <><dt>{name}</dt><dd>{value}</dd></>;
}
