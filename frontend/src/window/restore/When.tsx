import { useQuery } from '@tanstack/react-query';
import type { Backup } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAgent, useNow } from '../../state/react';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Page';
import { ProofMark } from '../database/BackupTable';
import { isProven } from '../database/find';
import type { RestoreForm } from './useRestoreForm';

const day = 86_400_000;
const most = 500;

/** The backups to choose from: the newest proven one first, then all others by age. */
export function When({ form }: { form: RestoreForm }) {
  const { t, format } = useWording();
  const now = useNow();
  const { questions } = useAgent();
  const { backup } = form;
  const asked = useQuery(questions.backups({ database: backup.database, limit: most }));
  const list = inOrder((asked.data ?? [backup]).filter((b) => b.server === backup.server && b.engine === backup.engine));
  return (
    <Card title={t('restore.when')} end={<Shortcuts form={form} backups={list} now={now} />}>
      <div className="picks" role="radiogroup" aria-label={t('restore.when')}>
        {list.map((b) => (
          <label key={b.id} className="pick">
            <input type="radio" name="backup" checked={b.id === backup.id} onChange={() => form.choose(b)} />
            <time className="med" dateTime={b.finished}>{format.time(new Date(b.finished))}</time>
            <span className="mut small">{format.bytes(b.plain_bytes)}</span>
            <span className="cut small"><ProofMark of={b} /></span>
            <span className="dim small hide-s">{format.ago(new Date(b.finished), now)}</span>
          </label>
        ))}
      </div>
    </Card>
  );
}

export function inOrder(backups: readonly Backup[]): Backup[] {
  const newest = [...backups].sort((a, b) => Date.parse(b.finished) - Date.parse(a.finished));
  const first = newest.find(isProven);
  return first ? [first, ...newest.filter((b) => b !== first)] : newest;
}

/** The state of a moment: the newest backup that was there by then, a proven one if any was. */
export function asOf(backups: readonly Backup[], moment: number): Backup | undefined {
  const then = inOrder(backups.filter((b) => Date.parse(b.finished) <= moment));
  return then[0];
}

function Shortcuts({ form, backups, now }: { form: RestoreForm; backups: readonly Backup[]; now: Date }) {
  const { t } = useWording();
  const moments = [
    { label: t('restore.newest'), of: asOf(backups, Infinity) },
    { label: t('restore.yesterday'), of: asOf(backups, now.getTime() - day) },
    { label: t('restore.week'), of: asOf(backups, now.getTime() - 7 * day) },
  ];
  return (
    <span className="row g1 chips">
      {moments.map(({ label, of }) => of && (
        <Button key={label} small className={of.id === form.backup.id ? 'on' : ''} aria-pressed={of.id === form.backup.id} onClick={() => form.choose(of)}>{label}</Button>
      ))}
    </span>
  );
}
