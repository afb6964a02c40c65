import type { JobPreview, RetentionEntry } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useNow } from '../../state/react';
import { Bone, Later } from '../../ui/Skeleton';
import { StateIcon } from '../../ui/StateIcon';
import { presetOf, type JobForm } from './useJobForm';
import type { Preview } from './usePreview';

/** So many days are named; more are counted. */
const named = 12;
/** So many backups are listed. */
const listed = 200;

/** What the rule in the form would keep and remove of the backups that the job has made. */
export function WhatGoes({ form, preview }: { form: JobForm; preview: Preview }) {
  const { t } = useWording();
  if (preview.problem || !preview.asked) return <p className="mut">{t('preview.unknown')}</p>;
  if (!preview.data) return <Later><Bone width={220} /></Later>;
  const { removed, kept } = preview.data;
  const all = removed.length + kept;
  return (
    <div className={`col gap-3 ${preview.old ? 'old' : ''}`} role="status">
      {removed.length > 0 ? (
        <Gone of={preview.data} />
      ) : (
        <p className="mut">{all === 0 ? t('preview.no_backups') : presetOf(form.job) === 'all' ? t('preview.all_kept', { count: all }) : t('preview.none_gone', { count: all })}</p>
      )}
    </div>
  );
}

function Gone({ of: { removed, kept } }: { of: JobPreview }) {
  const { t } = useWording();
  const now = useNow(60_000);
  return (
    <>
      <p className="row top">
        <StateIcon look="warn" />
        <span><b>{t('preview.gone', { count: removed.length, all: removed.length + kept })}</b>{removed.length > kept && <> {t('preview.most')}</>}</span>
      </p>
      <GoneDays removed={removed} now={now} />
      <GoneList removed={removed} />
    </>
  );
}

/** The days of which backups would go, the newest first, with how many where it is more than one. */
export function GoneDays({ removed, now }: { removed: readonly RetentionEntry[]; now: Date }) {
  const { t, format } = useWording();
  const days = new Map<string, number>();
  for (const e of [...removed].sort((a, b) => Date.parse(b.at) - Date.parse(a.at))) {
    const day = format.day(new Date(e.at), now);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  const all = [...days];
  return (
    <ul className="row wrap g1">
      {all.slice(0, named).map(([day, count]) => <li key={day} className="tag bad"><del>{day}</del>{count > 1 && ` ×${format.count(count)}`}</li>)}
      {all.length > named && <li className="small dim">{t('preview.more_days', { count: all.length - named })}</li>}
    </ul>
  );
}

/** Each of them by name, where somebody asks; with its place unless that is the same for all. */
export function GoneList({ removed, where = true }: { removed: readonly RetentionEntry[]; where?: boolean }) {
  const { t, format } = useWording();
  return (
    <details className="gone-list">
      <summary>{t('preview.each')}</summary>
      <div className="scroll">
        <table className="tbl tight">
          <thead><tr><th scope="col">{t('database.when')}</th><th scope="col">{t('databases.name')}</th>{where && <th scope="col">{t('database.where')}</th>}</tr></thead>
          <tbody>
            {removed.slice(0, listed).map((e) => (
              <tr key={`${e.backup} ${e.destination}`}>
                <td><time dateTime={e.at}>{format.time(new Date(e.at))}</time></td>
                <td title={e.database}><bdi>{e.database}</bdi></td>
                {where && <td className="mut" title={e.destination}><bdi>{e.destination}</bdi></td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {removed.length > listed && <p className="small dim">{t('preview.more_backups', { count: removed.length - listed })}</p>}
    </details>
  );
}
