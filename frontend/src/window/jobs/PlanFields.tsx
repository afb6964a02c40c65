import { Select, TextInput } from '@mantine/core';
import { useId, useState } from 'react';
import type { Problem } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { ProblemLine } from '../../ui/ProblemCard';
import { StateIcon } from '../../ui/StateIcon';
import { cronFault } from './moments';
import { daysOfMonth, isTime, weekOrder, type Plan, type PlanKind } from './schedule';
import { dayName } from './scheduleWords';
import { planAs } from './useJobForm';

interface Props {
  plan: Plan;
  onChange: (plan: Plan) => void;
  kinds: readonly PlanKind[];
  /** What it is for, which readers of the screen hear. */
  label: string;
  /** What no schedule means here. */
  none: string;
  /** The time of day to begin with. */
  time?: string;
  /** Why the agent does not take it. */
  problem?: Problem | undefined;
}

/** The fields of a schedule: its kind, then what that kind needs. */
export function PlanFields({ plan, onChange, kinds, label, none, time, problem }: Props) {
  const { t } = useWording();
  const id = useId();
  const names = { hand: none, daily: t('plan.daily'), weekly: t('plan.weekly'), monthly: t('plan.monthly'), every: t('plan.every'), cron: t('plan.cron') };
  const shown = kinds.includes(plan.kind) ? kinds : [...kinds, plan.kind];
  const wrong = problem !== undefined || (plan.kind === 'cron' && plan.line.trim() === '');
  return (
    <>
      <div className="row wrap">
        <Select className="c-kind" aria-label={label} data={shown.map((k) => ({ value: k, label: names[k] }))} value={plan.kind} onChange={(k) => k && k !== plan.kind && onChange(planAs(k, plan, time))} />
        {plan.kind === 'weekly' && <Week days={plan.days} onChange={(days) => onChange({ ...plan, days })} />}
        {plan.kind === 'monthly' && <Days days={plan.days} onChange={(days) => onChange({ ...plan, days })} />}
        {'time' in plan && <Time time={plan.time} onChange={(at) => onChange({ ...plan, time: at })} />}
        {plan.kind === 'every' && <Every every={plan.every} onChange={(every) => onChange({ ...plan, every })} />}
        {plan.kind === 'cron' && (
          <input className="inp c-cron" aria-label={t('plan.cron_line')} aria-invalid={wrong} aria-describedby={problem && id} placeholder="30 2 * * *" value={plan.line} onChange={(e) => onChange({ ...plan, line: e.currentTarget.value })} spellCheck={false} autoComplete="off" />
        )}
      </div>
      {problem && <div id={id}><Refused plan={plan} problem={problem} /></div>}
    </>
  );
}

/** What is wrong with a schedule: which part of its cron line, else what the agent says. */
function Refused({ plan, problem }: { plan: Plan; problem: Problem }) {
  const { t } = useWording();
  const fault = plan.kind === 'cron' && problem.code === 'schedule.not_understood' ? cronFault(plan.line) : undefined;
  if (!fault) return <ProblemLine problem={problem} />;
  return (
    <div className="row top" role="alert">
      <StateIcon look="bad" />
      <p className="small">{'fields' in fault ? t('plan.cron_parts', { count: fault.fields }) : t(`plan.cron_part.${fault.field}`, { value: fault.value })} <span className="mut">{t('plan.cron_example')}</span></p>
    </div>
  );
}

function Time({ time, onChange }: { time: string; onChange: (time: string) => void }) {
  const { t } = useWording();
  return (
    <span className="row">
      <span aria-hidden="true">{t('plan.at')}</span>
      <TextInput className="c-time" aria-label={t('plan.time')} placeholder="02:00" value={time} error={!isTime(time)} onChange={(e) => onChange(e.currentTarget.value.trim())} maxLength={5} autoComplete="off" />
    </span>
  );
}

function Week({ days, onChange }: { days: readonly number[]; onChange: (days: number[]) => void }) {
  const { lang } = useWording();
  const turn = (day: number) => onChange(days.includes(day) ? days.filter((d) => d !== day) : weekOrder([...days, day]));
  return (
    <span className="row g1 wrap">
      {weekOrder([0, 1, 2, 3, 4, 5, 6]).map((day) => (
        <button key={day} type="button" className="btn sm day" aria-pressed={days.includes(day)} title={dayName(lang, day)} onClick={() => turn(day)}>{dayName(lang, day, 'short')}</button>
      ))}
    </span>
  );
}

function Days({ days, onChange }: { days: readonly number[]; onChange: (days: number[]) => void }) {
  const { t } = useWording();
  const [text, setText] = useState(days.join(', '));
  return (
    <TextInput
      className="c-days"
      aria-label={t('plan.days')}
      placeholder="1, 15"
      value={text}
      error={days.length === 0}
      onChange={(e) => {
        setText(e.currentTarget.value);
        onChange(daysOfMonth(e.currentTarget.value));
      }}
      autoComplete="off"
    />
  );
}

const hours = [1, 2, 3, 4, 6, 8, 12];
const minutes = [5, 10, 15, 20, 30];

function Every({ every, onChange }: { every: string; onChange: (every: string) => void }) {
  const { t } = useWording();
  const name = (e: string) => (e.endsWith('h') ? t('schedule.hours', { count: Number.parseInt(e, 10) }) : t('schedule.minutes', { count: Number.parseInt(e, 10) }));
  const usual = [...minutes.map((n) => `${n}m`), ...hours.map((n) => `${n}h`)];
  const shown = usual.includes(every) ? usual : [every, ...usual];
  return <Select className="c-every" aria-label={t('plan.every')} data={shown.map((e) => ({ value: e, label: name(e) }))} value={every} onChange={(e) => e && onChange(e)} />;
}
