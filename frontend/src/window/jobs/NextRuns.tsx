import { offsetAt, timeIn } from '../../format/zone';
import { useWording } from '../../i18n/react';
import { useNow } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { StateIcon } from '../../ui/StateIcon';
import { useTypeName } from '../../ui/useTypeName';
import { momentsOf, type Moment } from './moments';
import type { JobForm } from './useJobForm';
import type { Preview } from './usePreview';

interface Props {
  form: JobForm;
  preview: Preview;
}

/** The runs to come by the schedule as it stands in the form. */
export function NextRuns({ form, preview }: Props) {
  const { t } = useWording();
  const { job, plans } = form;
  if (plans.schedule.kind === 'hand' && plans.prove.kind === 'hand') return <p className="mut">{t('preview.by_hand')}</p>;
  if (preview.problem && !preview.at) return <Failed preview={preview} />;
  if (preview.problem || !preview.asked) return <p className="mut">{t('preview.unknown')}</p>;
  if (!preview.data) return <Waiting />;
  return (
    <div className={`col gap-2 ${preview.old ? 'old' : ''}`} aria-busy={preview.old}>
      {preview.data.next.length > 0 ? <Moments form={form} of={preview.data} /> : <p className="mut">{t('preview.by_hand')}</p>}
      <Proof at={preview.data.prove[0]} />
      {job.paused && <p className="small mut">{t('preview.paused')}</p>}
    </div>
  );
}

function Moments({ form: { job }, of }: { form: JobForm; of: NonNullable<Preview['data']> }) {
  const { t } = useWording();
  const now = useNow(60_000);
  const zone = job.zone ?? '';
  const moments = momentsOf(of, zone, now);
  const elsewhere = moments.some(({ at }) => offsetAt(at, zone) !== offsetAt(at, ''));
  return (
    <>
      <table className="tbl tight nxt">
        <caption className="sr">{t('preview.next')}</caption>
        <colgroup>{!elsewhere && <col className="c-no" />}<col /><col className="c-t" />{elsewhere && <col className="c-z" />}<col className="c-y" /></colgroup>
        <thead className={elsewhere ? '' : 'sr'}>
          <tr>
            {!elsewhere && <th scope="col">{t('preview.number')}</th>}
            <th scope="col">{t('preview.day')}</th>
            <th scope="col">{t('preview.here')}</th>
            {elsewhere && <th scope="col" title={zone}>{zone.split('/').at(-1)?.replaceAll('_', ' ')}</th>}
            <th scope="col">{t('database.type')}</th>
          </tr>
        </thead>
        <tbody>{moments.map((m, i) => <Row key={m.at.getTime()} of={m} number={i + 1} now={now} type={job.type} zone={elsewhere ? zone : undefined} />)}</tbody>
      </table>
      <Changes moments={moments} now={now} />
    </>
  );
}

function Row({ of: { at, full, clocks }, number, now, type, zone }: { of: Moment; number: number; now: Date; type: string; zone: string | undefined }) {
  const { t, format } = useWording();
  const typeName = useTypeName();
  const days = Math.round((midnight(at) - midnight(now)) / 86_400_000);
  return (
    <tr>
      {zone === undefined && <td className="dim">{number}</td>}
      <td className="mut">{days === 0 ? t('preview.today') : days === 1 ? t('preview.tomorrow') : format.day(at, now)}</td>
      <td><time className="med" dateTime={at.toISOString()} title={format.time(at)}>{timeIn(at, '')}</time>{clocks && <> <StateIcon look="warn" size={12} label={t('preview.clocks')} /></>}</td>
      {zone !== undefined && <td className="mut">{timeIn(at, zone)}</td>}
      <td className={full ? 'med' : 'mut'}>{typeName(full ? 'full' : type)}</td>
    </tr>
  );
}

function midnight(at: Date): number {
  return Date.UTC(at.getFullYear(), at.getMonth(), at.getDate());
}

/** What a change of the clocks does to the runs that meet one. */
function Changes({ moments, now }: { moments: readonly Moment[]; now: Date }) {
  const { t, format } = useWording();
  return moments.map(({ at, clocks }) => clocks && (
    <p key={at.getTime()} className="small mut row top">
      <StateIcon look="warn" size={12} />
      <span>{t(`preview.${clocks.kind}`, { day: format.day(at, now), at: timeIn(at, ''), ...('time' in clocks && { time: clocks.time }) })}</span>
    </p>
  ));
}

function Proof({ at }: { at: string | undefined }) {
  const { t, format } = useWording();
  return at && <p className="small mut">{t('preview.proof', { time: format.coming(new Date(at), new Date()) })}</p>;
}

function Failed({ preview: { problem, retry } }: { preview: Preview }) {
  const { t } = useWording();
  return problem && <div className="col gap-2"><ProblemLine problem={problem} /><span><Button small icon="again" onClick={retry}>{t('action.retry')}</Button></span></div>;
}

function Waiting() {
  const { t } = useWording();
  return (
    <>
      <span className="sr" role="status">{t('preview.loading')}</span>
      <Later><div className="col gap-4" aria-hidden="true">{[200, 220, 190, 210].map((w) => <Bone key={w} width={w} />)}</div></Later>
    </>
  );
}
