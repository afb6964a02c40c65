import { useQuery } from '@tanstack/react-query';
import type { Destination } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent, useCanAct, useLink } from '../../state/react';
import { Button } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { Icon } from '../../ui/Icon';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { useAsk } from '../../ui/useAsk';
import { DestinationDialog } from '../dashboard/DestinationDialog';
import './destinations.css';
import { isBucket, usesOf, whereOf } from './place';

/** All places that backups go to. */
export function DestinationsPage() {
  const { t } = useWording();
  const { api, questions } = useAgent();
  const mayAct = useCanAct();
  const lost = useLink().state === 'lost';
  const places = useQuery(questions.destinations);
  const { ask, dialog } = useAsk();
  const add = async () => {
    const suggested = await api.suggestDestination().catch(() => undefined); // without one the field is empty
    const added = await ask<Destination>((answer) => <DestinationDialog suggested={suggested} taken={places.data?.map((d) => d.name) ?? []} answer={answer} />);
    if (added) await places.refetch();
  };
  const button = <Button kind="primary" icon="plus" disabled={!mayAct} onClick={() => void add()}>{t('place.add')}</Button>;
  return (
    <>
      <PageHead title={t('nav.destinations')}>{places.data && places.data.length > 0 && button}</PageHead>
      {places.data?.length === 0 ? (
        <EmptyState title={t('place.none')} actions={button}>{t('place.none_body')}</EmptyState>
      ) : places.data ? (
        <Card><ul className="places">{places.data.map((d) => <Line key={d.name} place={d} />)}</ul></Card>
      ) : places.isError && !lost ? (
        <ProblemCard problem={problemOf(places.error)}><Button onClick={() => void places.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <Card className="pad"><span className="sr" role="status">{t('place.loading')}</span><Later><div className="col gap-4"><Bone width={240} /><Bone width={320} /></div></Later></Card>
      )}
      {dialog}
    </>
  );
}

function Line({ place: d }: { place: Destination }) {
  const { t } = useWording();
  const jobs = useQuery(useAgent().questions.jobs);
  const uses = usesOf(jobs.data ?? [], d.name);
  return (
    <li>
      <Icon name={isBucket(d.url) ? 'archive' : 'folder'} />
      <div className="grow">
        <TextLink className="name med" to="/destinations/$destination" params={{ destination: d.name }}><bdi>{d.name}</bdi></TextLink>
        <div className="mut small wrap-any">{whereOf(d.url)}</div>
      </div>
      {jobs.data && <span className="dim small">{t('place.used_by', { count: uses.length })}</span>}
    </li>
  );
}
