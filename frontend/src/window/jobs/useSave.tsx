import { useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import type { Api, Job, JobPreview } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct } from '../../state/react';
import { ConfirmByName } from '../../ui/ConfirmByName';
import { presetOf } from './useJobForm';
import { bare } from './usePreview';
import { GoneDays } from './WhatGoes';

/** Saves a job; one whose rule would remove more than it keeps only after that was seen and its name typed. */
export function useSave(name: string | undefined) {
  const { t } = useWording();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<{ job: Job; of: JobPreview }>();
  const save = useAct(async (api, { job, sure }: { job: Job; sure: boolean }) => {
    const much = name === undefined || sure ? undefined : await tooMuch(api, job, name);
    if (much) return setAsking({ job, of: much });
    await (name === undefined ? api.addJob(job) : api.editJob(name, job));
    setAsking(undefined);
    await navigate({ to: '/jobs' });
  });
  const dialog = asking && (
    <ConfirmByName
      title={t('jobs.many_title')}
      name={asking.job.name}
      loss={
        <div className="col gap-3">
          <p><b>{t('preview.gone', { count: asking.of.removed.length, all: asking.of.removed.length + asking.of.kept })}</b> {t('jobs.many_loss')}</p>
          <GoneDays removed={asking.of.removed} now={new Date()} />
        </div>
      }
      action={t('jobs.many_do')}
      busy={save.isPending}
      onConfirm={() => save.mutate({ job: asking.job, sure: true })}
      onClose={() => setAsking(undefined)}
    />
  );
  return { save: (job: Job) => save.mutate({ job, sure: false }), busy: save.isPending, problem: save.error, dialog };
}

async function tooMuch(api: Api, job: Job, name: string): Promise<JobPreview | undefined> {
  if (presetOf(job) === 'all') return undefined;
  const of = await api.previewJob(bare(job, name));
  return of.removed.length > of.kept ? of : undefined;
}
