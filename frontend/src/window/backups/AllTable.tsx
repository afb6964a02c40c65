import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Backup } from '../../api/api';
import { useWording } from '../../i18n/react';
import { EngineBadge } from '../../ui/EngineBadge';
import { TextLink } from '../../ui/Page';
import { useTypeName } from '../../ui/useTypeName';
import { ProofMark } from '../database/BackupTable';
import { LabelMarks } from './LabelMarks';

const route = getRouteApi('/backups');

/** The head of the list of all backups, with its rows. */
export function AllTable({ children }: { children: ReactNode }) {
  const { t } = useWording();
  return (
    <table className="tbl bka">
      <colgroup><col className="c-w" /><col /><col className="c-y hide-s" /><col className="c-s" /><col className="c-p" /><col /><col className="c-d hide-s" /></colgroup>
      <thead>
        <tr>
          <th scope="col">{t('database.when')}</th>
          <th scope="col">{t('databases.name')}</th>
          <th scope="col" className="hide-s">{t('database.type')}</th>
          <th scope="col" className="n">{t('database.size')}</th>
          <th scope="col">{t('run.verify')}</th>
          <th scope="col">{t('label.title')}</th>
          <th scope="col" className="hide-s">{t('database.where')}</th>
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

export function Rows({ backups, now }: { backups: readonly Backup[]; now: Date }) {
  return backups.map((b) => <Row key={b.id} of={b} now={now} />);
}

function Row({ of: b, now }: { of: Backup; now: Date }) {
  const { format } = useWording();
  const search = route.useSearch();
  const typeName = useTypeName();
  const at = new Date(b.finished);
  const where = [b.destination, ...(b.copies ?? [])].join(', ');
  return (
    <tr className={search.backup === b.id ? 'sel' : ''}>
      <td><TextLink className="name" to="/backups" search={{ ...search, backup: b.id }} title={format.ago(at, now)} aria-label={`${b.database} ${format.time(at)}`}><time dateTime={b.finished}>{format.time(at)}</time></TextLink></td>
      <td>
        <span className="row" title={`${b.server} · ${b.database}`}>
          <EngineBadge engine={b.engine} />
          <TextLink className="name med cut" to="/databases/$server/$database" params={{ server: b.server, database: b.database }}><bdi>{b.database}</bdi></TextLink>
          <span className="dim small hide-s">{b.server}</span>
        </span>
      </td>
      <td className="hide-s mut">{typeName(b.type)}</td>
      <td className="n">{format.bytes(b.plain_bytes)}</td>
      <td><ProofMark of={b} brief /></td>
      <td><LabelMarks of={b} /></td>
      <td className="hide-s mut" title={where}><bdi>{where}</bdi></td>
    </tr>
  );
}
