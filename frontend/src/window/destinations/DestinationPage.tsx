import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Destination } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct, useLink } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { EmptyState } from '../../ui/EmptyState';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard, ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { StateIcon } from '../../ui/StateIcon';
import { CleanUp } from './CleanUp';
import './destinations.css';
import { Keeping } from './Keeping';
import { Keys } from './Keys';
import { usesOf } from './place';
import { TestChecks } from './TestChecks';
import { Usage } from './Usage';
import { Whereabouts } from './Whereabouts';

const route = getRouteApi('/destinations/$destination');

/** One place: what it holds, whether it does what backups need, how it is kept, and what opens it. */
export function DestinationPage() {
  const { t } = useWording();
  const { destination: name } = route.useParams();
  const places = useQuery(useAgent().questions.destinations);
  const lost = useLink().state === 'lost';
  const place = places.data?.find((d) => d.name === name);
  return (
    <div className="place-page">
      <PageHead crumb={<TextLink to="/destinations">{t('nav.destinations')}</TextLink>} title={name}>{place && <Remove place={place} />}</PageHead>
      {place ? (
        <>
          <Whereabouts key={`${name} where`} place={place} />
          <Usage key={name} place={place} />
          <CleanUp key={`${name} clean`} place={place} />
          <Test name={name} />
          <Keeping key={`${name} keeping`} place={place} />
          <Uses name={name} />
          <Keys name={name} />
        </>
      ) : places.data ? (
        <EmptyState title={t('place.unknown', { name })} actions={<LinkButton to="/destinations">{t('nav.destinations')}</LinkButton>}>{t('place.unknown_body')}</EmptyState>
      ) : places.isError && !lost ? (
        <ProblemCard problem={problemOf(places.error)}><Button onClick={() => void places.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <Card className="pad"><span className="sr" role="status">{t('place.loading')}</span><Later><div className="col gap-4"><Bone width={240} /><Bone width={320} /></div></Later></Card>
      )}
    </div>
  );
}

/** Tries whether the place does what backups need, and says so thing by thing. */
function Test({ name }: { name: string }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const test = useAct((api) => api.testDestination(name));
  const { data } = test;
  const bad = data?.checks?.some((c) => c.status === 'failed');
  return (
    <Card title={t('place.test')} end={data && <span className={`small ${data.ok ? 't-ok' : 't-bad'}`} role="status">{t(data.ok ? 'place.test_ok' : 'place.test_failed')}</span>}>
      <div className="card-b col gap-3">
        <p className="mut">{t('place.test_body')}</p>
        <div><Button kind={data ? 'plain' : 'primary'} icon="check" disabled={!mayAct} busy={test.isPending} onClick={() => test.mutate(undefined)}>{t(test.isPending ? 'place.testing' : 'place.test_do')}</Button></div>
        {test.error && <ProblemLine problem={test.error} />}
        {data?.problem && !bad && <ProblemLine problem={data.problem} />}
        {data?.checks && <TestChecks checks={data.checks} />}
      </div>
    </Card>
  );
}

/** The jobs that need this place. */
function Uses({ name }: { name: string }) {
  const { t } = useWording();
  const jobs = useQuery(useAgent().questions.jobs);
  if (!jobs.data) return null;
  const uses = usesOf(jobs.data, name);
  return (
    <Card title={t('place.jobs')}>
      <ul className="checks in-card">
        {uses.map(({ job, use }) => (
          <li key={job}>
            <StateIcon look="ok" />
            <TextLink to="/jobs/$job" params={{ job }}><bdi>{job}</bdi></TextLink>
            <span className="mut small">{t(`place.use.${use}`)}</span>
          </li>
        ))}
        {uses.length === 0 && <li className="none"><span className="mut">{t('place.no_jobs')}</span></li>}
      </ul>
    </Card>
  );
}

function Remove({ place }: { place: Destination }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  const remove = useAct((api) => api.removeDestination(place.name));
  return (
    <>
      <Button disabled={!mayAct} onClick={() => setOpen(true)}>{t('place.remove')}</Button>
      {open && (
        <Dialog
          title={t('place.remove_title', { name: place.name })}
          onClose={() => setOpen(false)}
          onSubmit={() => remove.mutate(undefined, { onSuccess: () => void navigate({ to: '/destinations' }) })}
          footer={<><Button onClick={() => setOpen(false)}>{t('action.cancel')}</Button><Button kind="danger" type="submit" busy={remove.isPending}>{t('place.remove_do')}</Button></>}
        >
          <div className="loss">{t('place.remove_loss')}</div>
          {remove.error && <ProblemLine problem={remove.error} />}
        </Dialog>
      )}
    </>
  );
}
