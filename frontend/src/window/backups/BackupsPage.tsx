import { SegmentedControl, Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import type { Backup, BackupQuery } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent, useLink, useNow } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { Icon } from '../../ui/Icon';
import { Card, PageHead } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Later, SkeletonRows } from '../../ui/Skeleton';
import { BackupDrawer } from '../database/BackupDrawer';
import { AllTable, Rows } from './AllTable';
import './backups.css';
import { Going } from './Going';

const route = getRouteApi('/backups');
/** So many are listed at first, and at most. */
const few = 100;
const most = 1000;

/** Every backup of every database, to search, to filter and to open. */
export function BackupsPage() {
  const { t } = useWording();
  const { show } = route.useSearch();
  const [typed, setTyped] = useState('');
  return (
    <>
      <PageHead title={t('nav.backups')} />
      <Filters typed={typed} onType={setTyped} />
      {show === 'going' ? <Going /> : <Listed typed={typed} onAll={() => setTyped('')} />}
      <Opened />
    </>
  );
}

/** What is asked for: a text, a tag, and which of them. */
function Filters({ typed, onType }: { typed: string; onType: (typed: string) => void }) {
  const { t } = useWording();
  const { tag, show } = route.useSearch();
  const navigate = route.useNavigate();
  const { questions } = useAgent();
  const listed = useQuery(questions.backups({ limit: few })).data;
  const tags = [...new Set([...(tag === undefined ? [] : [tag]), ...(listed ?? []).flatMap((b) => b.tags ?? [])])].sort((a, b) => a.localeCompare(b));
  const going = show === 'going';
  return (
    <div className="row wrap bk-f">
      {!going && (
        <div className="find-in">
          <Icon name="search" size={14} />
          <input className="inp" type="search" aria-label={t('backups.search')} placeholder={t('backups.search')} value={typed} maxLength={200} onChange={(e) => onType(e.currentTarget.value)} />
        </div>
      )}
      {!going && tags.length > 0 && (
        <Select className="c-tag" aria-label={t('backups.tag')} searchable data={[{ value: '', label: t('backups.any_tag') }, ...tags.map((name) => ({ value: name, label: name }))]} value={tag ?? ''} onChange={(name) => void navigate({ search: { ...(name && { tag: name }), ...(show && { show }) } })} />
      )}
      <SegmentedControl
        className="seg push"
        aria-label={t('backups.which')}
        value={show ?? 'all'}
        onChange={(which) => void navigate({ search: { ...(tag !== undefined && which !== 'going' && { tag }), ...((which === 'pinned' || which === 'going') && { show: which }) } })}
        data={[{ value: 'all', label: t('backups.all') }, { value: 'pinned', label: t('backups.pinned') }, { value: 'going', label: t('backups.going') }]}
      />
    </div>
  );
}

function Listed({ typed, onAll }: { typed: string; onAll: () => void }) {
  const { t, format } = useWording();
  const { tag, show } = route.useSearch();
  const { questions } = useAgent();
  const lost = useLink().state === 'lost';
  const [limit, setLimit] = useState(few);
  const [search] = useDebouncedValue(typed.trim(), 250);
  const query: BackupQuery = { limit, ...(search && { search }), ...(tag !== undefined && { tag }), ...(show === 'pinned' && { pinned: true }) };
  const asked = useQuery({ ...questions.backups(query), placeholderData: keepPreviousData });
  const filtered = search !== '' || tag !== undefined || show !== undefined;
  if (!asked.data)
    return asked.isError && !lost ? (
      <ProblemCard problem={problemOf(asked.error)}><Button onClick={() => void asked.refetch()}>{t('action.retry')}</Button></ProblemCard>
    ) : (
      <Card><span className="sr" role="status">{t('backups.loading')}</span><AllTable><Later><SkeletonRows count={8} widths={[150, 110, 80, 60, 120, 90]} /></Later></AllTable></Card>
    );
  if (asked.data.length === 0) return filtered ? <NoMatch onAll={onAll} /> : <None />;
  return (
    <Card className={asked.isPlaceholderData ? 'old' : ''}>
      <span className="sr" role="status">{t('backups.count', { count: asked.data.length })}</span>
      <Table backups={asked.data} />
      {asked.data.length >= limit && (
        <div className="card-b bk-more">
          {limit < most ? <Button small onClick={() => setLimit(most)}>{t('backups.more')}</Button> : <p className="small dim">{t('backups.most', { count: format.count(most) })}</p>}
        </div>
      )}
    </Card>
  );
}

function Table({ backups }: { backups: readonly Backup[] }) {
  const now = useNow();
  return <AllTable><Rows backups={backups} now={now} /></AllTable>;
}

/** The backup that the address names, in a drawer over the page. */
function Opened() {
  const { backup: id, ...rest } = route.useSearch();
  const navigate = route.useNavigate();
  const { data } = useQuery({ ...useAgent().questions.backup(id ?? ''), enabled: id !== undefined });
  return id !== undefined && data && <BackupDrawer backup={data} onClose={() => void navigate({ search: rest, replace: true })} />;
}

function NoMatch({ onAll }: { onAll: () => void }) {
  const { t } = useWording();
  const navigate = route.useNavigate();
  const all = () => {
    onAll();
    void navigate({ search: {} });
  };
  return <EmptyState title={t('backups.no_match')} actions={<Button onClick={all}>{t('backups.show_all')}</Button>}>{t('backups.no_match_body')}</EmptyState>;
}

function None() {
  const { t } = useWording();
  return <EmptyState title={t('backups.none')} actions={<LinkButton to="/" kind="primary">{t('nav.dashboard')}</LinkButton>}>{t('backups.none_body')}</EmptyState>;
}
