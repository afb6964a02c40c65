import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { DatabaseStatus } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { engineName } from '../../ui/EngineBadge';
import { FreshnessBar } from '../../ui/FreshnessBar';
import { TextLink } from '../../ui/Page';
import { ProofAge } from '../../ui/Proof';
import { covers } from '../jobs/next';
import { scheduleWords } from '../jobs/scheduleWords';

/** What there is to know of a database, in one line. */
export function Facts({ of: d, now }: { of: DatabaseStatus; now: Date }) {
  const { t, format } = useWording();
  const size = d.size_bytes || (d.last?.plain_bytes ?? 0);
  const rows = d.proven?.proof?.rows;
  return (
    <dl className="card facts">
      <Fact name={t('database.engine')}>{`${engineName(d.engine)} ${d.last?.server_version.replace(/ \(.*/, '') ?? ''}`.trim()}</Fact>
      <Fact name={t('database.server')}>{d.server}</Fact>
      {size > 0 && <Fact name={t('database.size')}>{format.bytes(size)}</Fact>}
      {d.last && (
        <>
          <Fact name={t('database.newest')}><FreshnessBar at={d.last.finished} now={now} overdue={d.concern === 'overdue'} /></Fact>
          <Fact name={t('database.proof')}>
            <ProofAge proven={d.proven} concern={d.concern} now={now} />
            {rows !== undefined && rows > 0 && d.concern !== 'disproven' && <span className="dim small"> {t('database.rows_equal', { rows: format.count(rows) })}</span>}
          </Fact>
        </>
      )}
      <Planned of={d} now={now} />
    </dl>
  );
}

/** By which jobs it is backed up, and when next. */
function Planned({ of: d, now }: { of: DatabaseStatus; now: Date }) {
  const { t, lang, format } = useWording();
  const jobs = useQuery(useAgent().questions.jobs).data?.filter((j) => covers(j, d)) ?? [];
  return (
    <>
      {d.next && <Fact name={t('jobs.next')}><time dateTime={d.next} title={format.time(new Date(d.next))}>{format.coming(new Date(d.next), now)}</time></Fact>}
      {jobs.length > 0 && (
        <Fact name={t('database.jobs')}>
          {jobs.map((j, i) => <span key={j.name}>{i > 0 && ', '}<TextLink to="/jobs/$job" params={{ job: j.name }} title={scheduleWords(t, lang, j.schedule, j.zone)}><bdi>{j.name}</bdi></TextLink></span>)}
        </Fact>
      )}
    </>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}
