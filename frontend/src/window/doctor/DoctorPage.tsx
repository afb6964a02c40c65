import { useQuery } from '@tanstack/react-query';
import type { Doctor, DoctorCheck } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent, useCanAct, useLink } from '../../state/react';
import { Button } from '../../ui/Button';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { StateIcon, type Look } from '../../ui/StateIcon';
import '../settings/settings.css';

const looks: Record<DoctorCheck['status'], Look> = { ok: 'ok', warning: 'warn', failed: 'bad', skipped: 'off' };
const order: readonly DoctorCheck['status'][] = ['failed', 'warning', 'ok', 'skipped'];

/** What needs somebody first, then what is well, then what there was no need to look at; otherwise as the agent says it. */
export function inOrder(checks: readonly DoctorCheck[]): DoctorCheck[] {
  return [...checks].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
}

/** An examination of everything: the agent’s folder, servers, places, jobs, databases, channels. */
export function DoctorPage() {
  const { t } = useWording();
  const mayAct = useCanAct();
  const lost = useLink().state === 'lost';
  const doctor = useQuery(useAgent().questions.doctor);
  const again = <Button icon="again" disabled={!mayAct} busy={doctor.isFetching} onClick={() => void doctor.refetch()}>{t(doctor.isFetching ? 'doctor.looking' : 'doctor.again')}</Button>;
  return (
    <div className="settings-page">
      <PageHead crumb={<TextLink to="/settings">{t('nav.settings')}</TextLink>} title={t('doctor.title')}>{again}</PageHead>
      {doctor.data ? (
        <Found of={doctor.data} />
      ) : doctor.isError && !lost ? (
        <ProblemCard problem={problemOf(doctor.error)} />
      ) : (
        <Card className="pad"><span className="sr" role="status">{t('doctor.looking')}</span><Later><div className="col gap-4"><p className="mut">{t('doctor.takes')}</p><Bone width={240} /><Bone width={320} /><Bone width={280} /></div></Later></Card>
      )}
    </div>
  );
}

function Found({ of: d }: { of: Doctor }) {
  const { t, format } = useWording();
  const count = (s: DoctorCheck['status']) => d.checks.filter((c) => c.status === s).length;
  const failed = count('failed');
  const warnings = count('warning');
  const sum = failed > 0 ? t('doctor.failed', { count: failed }) : warnings > 0 ? t('doctor.warnings', { count: warnings }) : t('doctor.well');
  return (
    <>
      <div className="row" role="status"><StateIcon look={failed > 0 ? 'bad' : warnings > 0 ? 'warn' : 'ok'} size={20} /><p className="med">{sum}</p></div>
      <Card title={t('doctor.checks')} count={format.count(d.checks.length)}>
        <ul className="checks in-card">{inOrder(d.checks).map((c, i) => <Line key={i} check={c} />)}</ul>
      </Card>
    </>
  );
}

function Line({ check: c }: { check: DoctorCheck }) {
  const { t, texts } = useWording();
  const problem = c.problem && texts.problem(c.problem);
  return (
    <li>
      <StateIcon look={looks[c.status]} label={t(`doctor.state.${c.status}`)} />
      <span className="wrap-any"><span className="med">{texts.say({ code: `doctor.name.${c.name}` })}</span> {c.subject && <bdi className="mut">{c.subject}</bdi>}</span>
      <span className="small">{problem && <Way to={c} />}</span>
      {problem ? (
        <span className="sub"><b className={c.status === 'failed' ? 't-bad' : 't-warn'}>{problem.title}</b> {problem.remedy}</span>
      ) : (
        <span className="sub">{texts.say(c.text ?? { code: 'doctor.skipped' })}</span>
      )}
    </li>
  );
}

/** Where in the program something can be done about it. */
function Way({ to: c }: { to: DoctorCheck }) {
  const { t, texts } = useWording();
  const name = c.subject ?? '';
  const said = { 'aria-label': t('doctor.open_of', { name: name || texts.say({ code: `doctor.name.${c.name}` }) }), children: t('doctor.open') };
  switch (c.name) {
    case 'destination':
      return <TextLink to="/destinations/$destination" params={{ destination: name }} {...said} />;
    case 'recovery_kit':
      return <TextLink to="/recovery-kit" {...said} />;
    case 'job':
      return name ? <TextLink to="/jobs/$job" params={{ job: name }} {...said} /> : <TextLink to="/jobs" {...said} />;
    case 'database':
      return <TextLink to="/" {...said} />;
    case 'login':
    case 'channel':
    case 'paused':
      return <TextLink to="/settings" {...said} />;
    default:
      return null;
  }
}
