import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Destination, Job, Server } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct, useLink } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { EmptyState } from '../../ui/EmptyState';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard, ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import './jobs.css';
import { NextRuns } from './NextRuns';
import { Keep, More, Proofs, When } from './Rules';
import { Templates } from './Templates';
import { useJobForm, type JobForm } from './useJobForm';
import { usePreview, type Preview } from './usePreview';
import { useSave } from './useSave';
import { Places, What } from './What';
import { WhatGoes } from './WhatGoes';

const route = getRouteApi('/jobs/$job');

/** One job, to look at and to change. */
export function JobPage() {
  const { t } = useWording();
  const { job: name } = route.useParams();
  const asked = useParts();
  if (!asked.parts) return <Waiting title={name} {...asked} />;
  const job = asked.parts.jobs.find((j) => j.name === name);
  if (job) return <Form key={name} first={job} servers={asked.parts.servers} known />;
  return (
    <>
      <PageHead crumb={<TextLink to="/jobs">{t('nav.jobs')}</TextLink>} title={name} />
      <EmptyState title={t('jobs.unknown', { name })} actions={<LinkButton to="/jobs" kind="primary">{t('nav.jobs')}</LinkButton>}>{t('jobs.unknown_body')}</EmptyState>
    </>
  );
}

/** A job that is not there yet. */
export function NewJobPage() {
  const { t } = useWording();
  const asked = useParts();
  if (!asked.parts) return <Waiting title={t('jobs.new')} {...asked} />;
  const { servers, destinations, jobs } = asked.parts;
  if (servers.length === 0 || destinations.length === 0)
    return (
      <>
        <PageHead crumb={<TextLink to="/jobs">{t('nav.jobs')}</TextLink>} title={t('jobs.new')} />
        <EmptyState title={t('jobs.too_early')} actions={<LinkButton to="/" kind="primary">{t('nav.dashboard')}</LinkButton>}>{t('jobs.too_early_body')}</EmptyState>
      </>
    );
  return <Form first={newJob(servers, destinations, jobs.map((j) => j.name))} servers={servers} taken={jobs.map((j) => j.name)} />;
}

/** What most people want: every night, proved, and a year of it. */
function newJob([server]: readonly Server[], [destination]: readonly Destination[], taken: readonly string[]): Job {
  return { name: freeName('nightly', taken), server: server?.name ?? '', databases: ['*'], destinations: destination ? [destination.name] : [], type: 'incremental', verify: 'full', paused: false, schedule: '02:00', keep_daily: 7, keep_weekly: 4, keep_monthly: 12 };
}

function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let n = 2; taken.includes(free); n++) free = `${name}-${n}`;
  return free;
}

function useParts() {
  const { questions } = useAgent();
  const jobs = useQuery(questions.jobs);
  const servers = useQuery(questions.servers);
  const destinations = useQuery(questions.destinations);
  const failed = [jobs, servers, destinations].find((q) => q.isError && !q.data);
  const parts = jobs.data && servers.data && destinations.data && { jobs: jobs.data, servers: servers.data, destinations: destinations.data };
  return { parts, failed: failed?.error, retry: () => void failed?.refetch() };
}

function Waiting({ title, failed, retry }: { title: string; failed: Error | null | undefined; retry: () => void }) {
  const { t } = useWording();
  const lost = useLink().state === 'lost';
  return (
    <>
      <PageHead crumb={<TextLink to="/jobs">{t('nav.jobs')}</TextLink>} title={title} />
      {failed && !lost ? (
        <ProblemCard problem={problemOf(failed)}><Button onClick={retry}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <>
          <span className="sr" role="status">{t('jobs.loading')}</span>
          <Later><section className="card pad col gap-6" aria-hidden="true">{[220, 320, 280, 360, 300].map((w) => <div key={w} className="row g4"><Bone width={88} /><Bone width={w} height={24} /></div>)}</section></Later>
        </>
      )}
    </>
  );
}

/** From this width on there is room for what the job would do beside its form. */
const roomy = '(min-width: 1200px)';
const narrowed = '(max-width: 960px)';

function Form({ first, servers, known = false, taken = [] }: { first: Job; servers: readonly Server[]; known?: boolean; taken?: readonly string[] }) {
  const { t } = useWording();
  const form = useJobForm(first);
  const preview = usePreview(form, known ? first.name : undefined);
  const narrow = useMediaQuery(narrowed, false, { getInitialValueInEffect: false });
  const inline = !useMediaQuery(roomy, false, { getInitialValueInEffect: false });
  const { save, busy, problem, dialog } = useSave(known ? first.name : undefined);
  const ready = useCanAct() && form.lacks === undefined;
  const parts = { form, preview, inline };
  const buttons = (
    <>
      <LinkButton to="/jobs">{t('action.cancel')}</LinkButton>
      <Button kind="primary" type="submit" form="job" disabled={!ready || (known && !form.changed)} busy={busy}>{t('jobs.save')}</Button>
    </>
  );
  return (
    <>
      <PageHead crumb={<TextLink to="/jobs">{t('nav.jobs')}</TextLink>} title={known ? first.name : t('jobs.new')}>
        {known && <Actions job={first} />}
        {!narrow && buttons}
      </PageHead>
      {problem && <ProblemCard problem={problem} />}
      <div className={inline ? undefined : 'job-two'}>
        <form
          id="job"
          className="card job"
          onSubmit={(e) => {
            e.preventDefault();
            if (ready) save(form.job);
          }}
        >
          {!known && <section><Templates onBegin={(from, name) => form.begin(from, form.job.name === first.name || taken.includes(form.job.name) ? freeName(name, taken) : form.job.name)} /></section>}
          <section><What form={form} servers={servers} /><Places form={form} /></section>
          <section><When {...parts} /></section>
          <section><Keep {...parts} /></section>
          <section><Proofs {...parts} /></section>
          <section><More form={form} /></section>
        </form>
        {!inline && <Beside form={form} preview={preview} />}
      </div>
      {narrow ? <div className="foot-s"><span className="grow small"><Lacks form={form} /></span><span className="row">{buttons}</span></div> : <p className="help"><Lacks form={form} /></p>}
      {dialog}
    </>
  );
}

/** What the job would do, beside its form. */
function Beside({ form, preview }: { form: JobForm; preview: Preview }) {
  const { t } = useWording();
  return (
    <aside className="job-side" aria-label={t('preview.title')}>
      <Card title={t('preview.next')}><div className="card-b"><NextRuns form={form} preview={preview} /></div></Card>
      <Card title={t('preview.keep')}><div className="card-b"><WhatGoes form={form} preview={preview} /></div></Card>
    </aside>
  );
}

/** What is still missing before it can be saved. */
function Lacks({ form }: { form: JobForm }) {
  const { t } = useWording();
  return <span role="status">{form.lacks && t(`jobs.lacks.${form.lacks}`)}</span>;
}

/** Runs it once now, or takes it away. */
function Actions({ job }: { job: Job }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  const run = useAct(async (api) => {
    const { runs } = await api.startBackup({ job: job.name });
    await (runs[0] && runs.length === 1 ? navigate({ to: '/runs/$run', params: { run: runs[0] } }) : navigate({ to: '/activity' }));
  });
  return (
    <>
      {run.error && <span className="t-bad small" role="alert">{t('jobs.not_started')}</span>}
      <Button icon="resume" disabled={!mayAct} busy={run.isPending} onClick={() => run.mutate(undefined)}>{t('jobs.run')}</Button>
      <Button disabled={!mayAct} onClick={() => setRemoving(true)}>{t('jobs.remove')}</Button>
      {removing && <Remove job={job} onClose={() => setRemoving(false)} />}
    </>
  );
}

function Remove({ job, onClose }: { job: Job; onClose: () => void }) {
  const { t } = useWording();
  const navigate = useNavigate();
  const pause = useAct((api) => api.pauseJob(job.name));
  const remove = useAct((api) => api.removeJob(job.name));
  const away = { onSuccess: () => void navigate({ to: '/jobs' }) };
  return (
    <Dialog
      title={t('jobs.remove_title', { name: job.name })}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          {!job.paused && <Button icon="pause" busy={pause.isPending} onClick={() => pause.mutate(undefined, away)}>{t('jobs.pause_instead')}</Button>}
          <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate(undefined, away)}>{t('jobs.remove_do')}</Button>
        </>
      }
    >
      <div className="loss">{t('jobs.remove_loss')}</div>
      {(remove.error ?? pause.error) && <ProblemLine problem={(remove.error ?? pause.error)!} />}
    </Dialog>
  );
}
