import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { RetentionEntry } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent, useLink } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { Card, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Later, SkeletonRows } from '../../ui/Skeleton';

const route = getRouteApi('/backups');
/** So many are listed. */
const most = 500;

/** What the rules of all jobs would remove now. */
export function Going() {
  const { t, format } = useWording();
  const asked = useQuery(useAgent().questions.prunePreview);
  const lost = useLink().state === 'lost';
  if (!asked.data)
    return asked.isError && !lost ? (
      <ProblemCard problem={problemOf(asked.error)}><Button onClick={() => void asked.refetch()}>{t('action.retry')}</Button></ProblemCard>
    ) : (
      <Card><span className="sr" role="status">{t('going.loading')}</span><table className="tbl"><tbody><Later><SkeletonRows count={5} widths={[110, 150, 80, 90]} /></Later></tbody></table></Card>
    );
  const all = asked.data.backups;
  const gone = all.filter((e) => !e.keep);
  if (gone.length === 0) return <EmptyState title={t('going.none')} actions={<LinkButton to="/jobs">{t('nav.jobs')}</LinkButton>}>{t('going.none_body')}</EmptyState>;
  const held = format.bytes(gone.reduce((sum, e) => sum + e.stored_bytes, 0));
  return (
    <>
      <p role="status"><b>{t('preview.gone', { count: gone.length, all: all.length })}</b> <span className="mut">{t('going.body', { size: held })}</span></p>
      <Card><Table of={gone.slice(0, most)} /></Card>
      {gone.length > most && <p className="small dim">{t('preview.more_backups', { count: gone.length - most })}</p>}
    </>
  );
}

function Table({ of }: { of: readonly RetentionEntry[] }) {
  const { t, format } = useWording();
  const search = route.useSearch();
  return (
    <table className="tbl bka">
      <colgroup><col className="c-w" /><col /><col className="c-p" /><col className="c-s" /></colgroup>
      <thead><tr><th scope="col">{t('database.when')}</th><th scope="col">{t('databases.name')}</th><th scope="col">{t('database.where')}</th><th scope="col" className="n">{t('database.stored')}</th></tr></thead>
      <tbody>
        {of.map((e) => (
          <tr key={`${e.backup} ${e.destination}`}>
            <td><TextLink className="name" to="/backups" search={{ ...search, backup: e.backup }} aria-label={`${e.database} ${format.time(new Date(e.at))}`}><time dateTime={e.at}>{format.time(new Date(e.at))}</time></TextLink></td>
            <td><bdi className="med">{e.database}</bdi> <span className="dim small">{e.server}</span></td>
            <td className="mut"><bdi>{e.destination}</bdi></td>
            <td className="n mut">{format.bytes(e.stored_bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
