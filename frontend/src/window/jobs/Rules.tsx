import { SegmentedControl, Select } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useWording } from '../../i18n/react';
import { ProblemLine } from '../../ui/ProblemCard';
import { FormRow, NumberField } from './FormRow';
import { NextRuns } from './NextRuns';
import { PlanFields } from './PlanFields';
import { lacking } from './schedule';
import { scheduleWords } from './scheduleWords';
import { ScriptList } from './ScriptList';
import { keepFields, presetOf, presets, withPreset, type JobForm, type PlanOf, type Preset } from './useJobForm';
import type { Preview } from './usePreview';
import { WhatGoes } from './WhatGoes';

/** A part of the form whose effect is shown, in the part itself where there is no room beside it. */
interface Previewed {
  form: JobForm;
  preview: Preview;
  inline?: boolean;
}

/** When it runs, and when its backup is a full one. */
export function When({ form, preview, inline }: Previewed) {
  const { job, plans, set, setPlan } = form;
  const { t, lang } = useWording();
  const plan = plans.schedule;
  const time = 'time' in plan ? plan.time : '00:00';
  const refused = (at: PlanOf) => (preview.at === at ? preview.problem : undefined);
  return (
    <>
      <FormRow label={t('jobs.when')} help={plan.kind !== 'hand' && <>{!lacking(plan) && !refused('schedule') && `${t('jobs.runs_so', { when: scheduleWords(t, lang, job.schedule, job.zone) })} `}{t('jobs.missed')}</>}>
        <PlanFields label={t('jobs.when')} plan={plan} onChange={(p) => setPlan('schedule', p)} kinds={['daily', 'weekly', 'monthly', 'every', 'cron', 'hand']} none={t('plan.hand')} problem={refused('schedule')} />
        {(plan.kind !== 'hand' || plans.prove.kind !== 'hand') && <Zone zone={job.zone ?? ''} onChange={(zone) => set({ zone })} />}
        {preview.at === 'zone' && preview.problem && <ProblemLine problem={preview.problem} />}
      </FormRow>
      {plan.kind !== 'hand' && job.type !== 'full' && (
        <FormRow label={t('jobs.full')} help={t('jobs.full_help')}>
          <PlanFields label={t('jobs.full')} plan={plans.full_schedule} onChange={(p) => setPlan('full_schedule', p)} kinds={['hand', 'weekly', 'monthly', 'cron']} none={t('plan.first_only')} time={time} problem={refused('full_schedule')} />
        </FormRow>
      )}
      {inline && <FormRow label={t('preview.next')}><NextRuns form={form} preview={preview} /></FormRow>}
    </>
  );
}

function Zone({ zone, onChange }: { zone: string; onChange: (zone: string) => void }) {
  const { t } = useWording();
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const all = useMemo(() => [...new Set([...Intl.supportedValuesOf('timeZone'), ...(zone ? [zone] : [])])], [zone]);
  return <Select className="c-zone" aria-label={t('jobs.zone')} searchable limit={60} nothingFoundMessage={t('jobs.zone_unknown')} data={[{ value: '', label: t('jobs.zone_here', { zone: here }) }, ...all.map((z) => ({ value: z, label: z }))]} value={zone} onChange={(z) => onChange(z ?? '')} />;
}

/** What of the backups is kept. */
export function Keep({ form, preview, inline }: Previewed) {
  const { job, set } = form;
  const { t } = useWording();
  const preset = presetOf(job);
  const names: [Preset, string][] = (Object.keys(presets) as Preset[]).map((p) => [p, t(`keep.preset.${p}`)]);
  return (
    <>
    <FormRow label={t('keep.title')} help={preset === 'all' ? t('keep.all_help') : t('keep.never')}>
      <SegmentedControl className="seg" aria-label={t('keep.title')} value={preset ?? 'own'} onChange={(v) => v !== 'own' && set(withPreset(v as Preset))} data={[...names.map(([value, label]) => ({ value, label })), ...(preset ? [] : [{ value: 'own', label: t('keep.preset.own') }])]} />
      <div className="row wrap g4">
        {keepFields.map((f) => <NumberField key={f} label={t(`keep.${f}`)} value={job[f] ?? 0} max={10_000} onChange={(n) => set({ [f]: n })} />)}
      </div>
    </FormRow>
    {inline && <FormRow label={t('preview.keep')}><WhatGoes form={form} preview={preview} /></FormRow>}
    </>
  );
}

const levels = ['none', 'basic', 'database', 'full'] as const;

/** How backups are proved: each when it is made, and the newest by a schedule. */
export function Proofs({ form: { job, plans, set, setPlan }, preview }: Previewed) {
  const { t } = useWording();
  const level = job.verify ?? 'none';
  return (
    <>
      <FormRow label={t('jobs.verify')} help={t(`jobs.verify_help.${level}`)}>
        <SegmentedControl className="seg" aria-label={t('jobs.verify')} value={level} onChange={(verify) => set({ verify })} data={levels.map((l) => ({ value: l, label: t(`jobs.verify.${l}`) }))} />
      </FormRow>
      <FormRow label={t('jobs.prove')} help={t('jobs.prove_help')}>
        <PlanFields label={t('jobs.prove')} plan={plans.prove} onChange={(p) => setPlan('prove', p)} kinds={['hand', 'daily', 'weekly', 'monthly', 'cron']} none={t('plan.never')} time="04:00" problem={preview.at === 'prove' ? preview.problem : undefined} />
        <NumberField label={t('jobs.proof_days')} value={job.proof_days ?? 0} max={3650} onChange={(proof_days) => set({ proof_days })} />
      </FormRow>
    </>
  );
}

const priorities = [10, 5, 0, -5, -10];
const types = ['incremental', 'differential', 'full'] as const;

/** What few people change. */
export function More({ form: { job, set } }: { form: JobForm }) {
  const { t } = useWording();
  const priority = job.priority ?? 0;
  const ranks = priorities.includes(priority) ? priorities : [priority, ...priorities];
  const [open] = useState((job.before?.length ?? 0) + (job.after?.length ?? 0) > 0);
  return (
    <details className="jf-more" open={open}>
      <summary>{t('jobs.more')}</summary>
      <FormRow label={t('database.type')} help={t(`jobs.type_help.${job.type}`)}>
        <Select className="c-name" aria-label={t('database.type')} data={types.map((v) => ({ value: v, label: t(`database.type.${v}`) }))} value={job.type} onChange={(type) => type && set({ type })} />
      </FormRow>
      <FormRow label={t('jobs.priority')} help={t('jobs.priority_help')}>
        <Select className="c-name" aria-label={t('jobs.priority')} data={ranks.map((n) => ({ value: String(n), label: priorities.includes(n) ? t(`jobs.priority.${n}` as 'jobs.priority.0') : String(n) }))} value={String(priority)} onChange={(n) => set({ priority: Number(n) })} />
      </FormRow>
      <FormRow label={t('jobs.attempts')} help={t('jobs.attempts_help')}>
        <NumberField label={t('jobs.attempts_unit')} value={job.attempts ?? 0} max={20} onChange={(attempts) => set({ attempts })} />
      </FormRow>
      <ScriptList place="before" scripts={job.before ?? []} onChange={(before) => set({ before })} />
      <ScriptList place="after" scripts={job.after ?? []} onChange={(after) => set({ after })} />
    </details>
  );
}
