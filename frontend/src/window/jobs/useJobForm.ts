import { useState } from 'react';
import type { Job } from '../../api/api';
import { isTime, lacking, planOf, specOf, type Plan } from './schedule';

/** The schedules of a job: when it runs, when its backup is a full one, when it is proved. */
export type PlanOf = 'schedule' | 'full_schedule' | 'prove';

export interface JobForm {
  job: Job;
  set: (change: Partial<Job>) => void;
  plans: Record<PlanOf, Plan>;
  setPlan: (of: PlanOf, plan: Plan) => void;
  /** Fills in a ready-made job under a name; databases and places stay. */
  begin: (from: Job, name: string) => void;
  /** Something was changed. */
  changed: boolean;
  /** The first thing that is missing or wrong; nothing when it can be saved. */
  lacks: Lack | undefined;
}

export type Lack = 'name' | 'databases' | 'destination' | 'time' | 'days' | 'line';

/** What the agent takes for a name. */
const name = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;

/** A job as it is being filled in; what the form has no fields for stays as it was. */
export function useJobForm(first: Job): JobForm {
  const [job, setJob] = useState(first);
  const [plans, setPlans] = useState(plansOf(first));
  const [changed, setChanged] = useState(false);
  const filled = { ...job, schedule: specOf(plans.schedule), full_schedule: specOf(plans.full_schedule), prove: specOf(plans.prove) };
  return {
    job: filled, plans, changed,
    set: (change) => {
      setJob((j) => ({ ...j, ...change }));
      setChanged(true);
    },
    setPlan: (of, plan) => {
      setPlans((p) => ({ ...p, [of]: plan }));
      setChanged(true);
    },
    begin: (from, name) => {
      setJob(({ server, databases, destinations, emergency, zone, before, after }) => ({ ...from, name, server, databases, destinations, ...(emergency && { emergency }), ...(zone && { zone }), ...(before && { before }), ...(after && { after }) }));
      setPlans(plansOf(from));
      setChanged(true);
    },
    lacks: lackOf(filled, plans),
  };
}

function plansOf(job: Job): Record<PlanOf, Plan> {
  return { schedule: planOf(job.schedule), full_schedule: planOf(job.full_schedule), prove: planOf(job.prove) };
}

function lackOf(job: Job, plans: Record<PlanOf, Plan>): Lack | undefined {
  if (job.databases.length === 0) return 'databases';
  if (!job.destinations[0]) return 'destination';
  if (!name.test(job.name)) return 'name';
  return lacking(plans.schedule) ?? lacking(plans.full_schedule) ?? lacking(plans.prove);
}

/** Another kind of schedule, with what of the present one can stay. `time` is taken where it has none. */
export function planAs(kind: Plan['kind'], from: Plan, time = '02:00'): Plan {
  const at = 'time' in from && isTime(from.time) ? from.time : time;
  switch (kind) {
    case 'daily':
      return { kind, time: at };
    case 'weekly':
      return { kind, days: [0], time: at };
    case 'monthly':
      return { kind, days: [1], time: at };
    case 'every':
      return { kind, every: '4h' };
    case 'cron':
      return { kind, line: from.kind === 'hand' ? '' : specOf(from) };
    case 'hand':
      return { kind };
  }
}

/** The numbers of the rule by which old backups go. */
export type KeepField = 'keep_last' | 'keep_hourly' | 'keep_daily' | 'keep_weekly' | 'keep_monthly' | 'keep_yearly' | 'keep_days';
export const keepFields: readonly KeepField[] = ['keep_last', 'keep_hourly', 'keep_daily', 'keep_weekly', 'keep_monthly', 'keep_yearly', 'keep_days'];

/** What most people want kept. All of it where there is no number. */
export const presets: Record<'all' | 'weeks' | 'year' | 'years', Partial<Record<KeepField, number>>> = {
  all: {},
  weeks: { keep_daily: 14 },
  year: { keep_daily: 7, keep_weekly: 4, keep_monthly: 12 },
  years: { keep_daily: 14, keep_weekly: 8, keep_monthly: 12, keep_yearly: 10 },
};

export type Preset = keyof typeof presets;

/** The preset that a job's numbers are, if they are one. */
export function presetOf(job: Job): Preset | undefined {
  return (Object.keys(presets) as Preset[]).find((p) => keepFields.every((f) => (job[f] ?? 0) === (presets[p][f] ?? 0)));
}

export function withPreset(preset: Preset): Partial<Job> {
  return Object.fromEntries(keepFields.map((f) => [f, presets[preset][f] ?? 0]));
}
