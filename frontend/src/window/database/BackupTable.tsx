import { getRouteApi } from '@tanstack/react-router';
import type { Backup } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Card, TextLink } from '../../ui/Page';
import { StateIcon } from '../../ui/StateIcon';
import { useTypeName } from '../../ui/useTypeName';
import { LabelMarks } from '../backups/LabelMarks';

const route = getRouteApi('/databases/$server/$database');

/** Its backups, the newest first; each opens in a drawer. */
export function BackupTable({ backups, now }: { backups: readonly Backup[]; now: Date }) {
  const { t, format } = useWording();
  return (
    <Card title={t('database.backups')} count={format.count(backups.length)}>
      <table className="tbl tight bkt">
        <colgroup><col className="c-w" /><col className="c-y hide-s" /><col className="c-s" /><col className="c-a" /><col className="c-d hide-s" /><col /><col className="c-y hide-s" /></colgroup>
        <thead>
          <tr>
            <th scope="col">{t('database.when')}</th>
            <th scope="col" className="hide-s">{t('database.type')}</th>
            <th scope="col" className="n">{t('database.size')}</th>
            <th scope="col" className="n">{t('database.added')}</th>
            <th scope="col" className="n hide-s">{t('database.took')}</th>
            <th scope="col">{t('run.verify')}</th>
            <th scope="col" className="hide-s">{t('database.where')}</th>
          </tr>
        </thead>
        <tbody>{backups.map((b) => <Row key={b.id} of={b} now={now} />)}</tbody>
      </table>
    </Card>
  );
}

function Row({ of: b, now }: { of: Backup; now: Date }) {
  const { format } = useWording();
  const { server, database } = route.useParams();
  const { backup: open } = route.useSearch();
  const typeName = useTypeName();
  const at = new Date(b.finished);
  return (
    <tr className={open === b.id ? 'sel' : ''}>
      <td><TextLink to="/databases/$server/$database" params={{ server, database }} search={{ backup: b.id }} title={format.ago(at, now)}><time dateTime={b.finished}>{format.time(at)}</time></TextLink></td>
      <td className="hide-s mut">{typeName(b.type)}</td>
      <td className="n">{format.bytes(b.plain_bytes)}</td>
      <td className="n mut">{format.bytes(b.added_bytes)}</td>
      <td className="n mut hide-s">{format.duration(at.getTime() - Date.parse(b.started))}</td>
      <td><span className="row"><ProofMark of={b} /><LabelMarks of={b} /></span></td>
      <td className="hide-s mut">{b.destination}</td>
    </tr>
  );
}

/** Whether a backup was proven, with its row count where there is room, and whether it has warnings. */
export function ProofMark({ of: b, brief = false }: { of: Backup; brief?: boolean }) {
  const { t, format } = useWording();
  const warned = b.warnings?.length ? <StateIcon look="warn" label={t('database.warned')} /> : null;
  if (!b.proof) return <span className="row dim"><StateIcon look="off" />{t('database.unproven')}{warned}</span>;
  if (b.proof.status !== 'ok') return <span className="row t-bad"><StateIcon look="bad" />{t('database.disproven')}{warned}</span>;
  const rows = b.proof.rows > 0 && !brief ? t('database.rows_equal', { rows: format.count(b.proof.rows) }) : t('database.proven');
  return <span className="row"><StateIcon look="ok" {...(!brief && { label: t('database.proven') })} /><span className="cut">{rows}</span>{warned}</span>;
}
