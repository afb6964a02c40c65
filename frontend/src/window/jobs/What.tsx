import { Checkbox, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { Destination, Server } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAgent, useCanAct, useDatabases } from '../../state/react';
import { Button } from '../../ui/Button';
import { useAsk } from '../../ui/useAsk';
import { FormRow } from './FormRow';
import type { JobForm } from './useJobForm';

const DestinationDialog = lazy(async () => ({ default: (await import('../dashboard/DestinationDialog')).DestinationDialog }));

/** What the job is called, what it backs up and where to. */
export function What({ form, servers }: { form: JobForm; servers: readonly Server[] }) {
  const { t } = useWording();
  const { job, set, lacks } = form;
  const names = servers.some((s) => s.name === job.server) ? servers : [{ name: job.server, address: '' }, ...servers];
  return (
    <>
      <FormRow label={t('jobs.name')}>
        <TextInput className="c-name" aria-label={t('jobs.name')} value={job.name} onChange={(e) => set({ name: e.currentTarget.value })} error={lacks === 'name' && job.name !== '' && t('jobs.name_form')} spellCheck={false} autoComplete="off" maxLength={63} />
      </FormRow>
      <FormRow label={t('databases.title')}>
        <div className="row wrap">
          <Select className="c-name" aria-label={t('jobs.server')} data={names.map((s) => ({ value: s.name, label: s.name }))} value={job.server || null} onChange={(s) => s && s !== job.server && set({ server: s, databases: ['*'] })} />
          <SegmentedControl aria-label={t('databases.title')} value={job.databases[0] === '*' ? 'all' : 'some'} onChange={(v) => set({ databases: v === 'all' ? ['*'] : [] })} data={[{ value: 'all', label: t('jobs.all') }, { value: 'some', label: t('jobs.some') }]} />
        </div>
        {job.databases[0] === '*' ? <p className="help">{t('jobs.all_help')}</p> : <Chosen form={form} />}
      </FormRow>
    </>
  );
}

function Chosen({ form: { job, set } }: { form: JobForm }) {
  const { t } = useWording();
  const listed = useDatabases().data?.databases.filter((d) => d.server === job.server && d.database !== '' && d.readable).map((d) => d.database) ?? [];
  const names = [...listed, ...job.databases.filter((d) => !listed.includes(d))];
  if (names.length === 0) return <p className="help">{t('jobs.no_databases')}</p>;
  return (
    <div className="ticks">
      {names.map((name) => (
        <Checkbox
          key={name}
          label={<bdi>{name}</bdi>}
          checked={job.databases.includes(name)}
          onChange={(e) => set({ databases: e.currentTarget.checked ? names.filter((n) => n === name || job.databases.includes(n)) : job.databases.filter((d) => d !== name) })}
        />
      ))}
    </div>
  );
}

/** Where backups go: the first place, copies of it, and the one for an emergency. */
export function Places({ form: { job, set } }: { form: JobForm }) {
  const { t } = useWording();
  const all = useQuery(useAgent().questions.destinations).data ?? [];
  const [first = '', ...copies] = job.destinations;
  const known = [...new Set([...all.map((d: Destination) => d.name), ...job.destinations])];
  const others = known.filter((d) => d !== first);
  const { api } = useAgent();
  const mayAct = useCanAct();
  const client = useQueryClient();
  const { ask, dialog } = useAsk();
  const add = async () => {
    const suggested = await api.suggestDestination().catch(() => undefined);
    const added = await ask<Destination>((answer) => <DestinationDialog suggested={suggested} taken={known} answer={answer} />);
    if (!added) return;
    await client.invalidateQueries();
    set({ destinations: [...job.destinations.filter((d) => d !== ''), added.name] });
  };
  return (
    <>
      <Suspense>{dialog}</Suspense>
      <FormRow label={t('jobs.first')}>
        <div className="row wrap">
          <Select className="c-name" aria-label={t('jobs.first')} data={known} value={first || null} onChange={(d) => d && set({ destinations: [d, ...copies.filter((c) => c !== d)], ...(job.emergency === d && { emergency: '' }) })} />
          <Button icon="plus" disabled={!mayAct} onClick={() => void add()}>{t('jobs.add_place')}</Button>
        </div>
      </FormRow>
      {others.length > 0 && (
        <>
          <FormRow label={t('jobs.copies')} help={t('jobs.copies_help')}>
            <div className="ticks">
              {others.map((d) => (
                <Checkbox key={d} label={<bdi>{d}</bdi>} checked={copies.includes(d)} onChange={(e) => set({ destinations: [first, ...(e.currentTarget.checked ? [...copies, d] : copies.filter((c) => c !== d))] })} />
              ))}
            </div>
          </FormRow>
          <FormRow label={t('jobs.emergency')} help={t('jobs.emergency_help')}>
            <Select className="c-name" aria-label={t('jobs.emergency')} data={[{ value: '', label: t('jobs.emergency_none') }, ...others.map((d) => ({ value: d, label: d }))]} value={job.emergency ?? ''} onChange={(d) => set({ emergency: d ?? '' })} />
          </FormRow>
        </>
      )}
    </>
  );
}
