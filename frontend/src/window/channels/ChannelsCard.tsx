import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ChannelStatus, ChannelTest } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct, useLink } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Card } from '../../ui/Page';
import { ProblemCard, ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { StateIcon, type Look } from '../../ui/StateIcon';
import { ChannelDialog } from './ChannelDialog';
import './channels.css';
import { needsSecret, tells } from './kinds';

/** The ways to tell people who are not at this computer, and how each does. */
export function ChannelsCard() {
  const { t, format } = useWording();
  const mayAct = useCanAct();
  const lost = useLink().state === 'lost';
  const channels = useQuery(useAgent().questions.channels);
  const [adding, setAdding] = useState(false);
  const [saved, setSaved] = useState<string>();
  const taken = channels.data?.map((c) => c.name) ?? [];
  return (
    <Card
      title={t('channels.title')}
      {...(channels.data?.length && { count: format.count(channels.data.length) })}
      end={<Button small icon="plus" disabled={!mayAct || !channels.data} onClick={() => setAdding(true)}>{t('channels.add')}</Button>}
    >
      {channels.data ? (
        <ul className="checks in-card">
          {channels.data.map((c) => <Line key={c.name} channel={c} taken={taken} fresh={saved === c.name} />)}
          {channels.data.length === 0 && <li className="none"><span className="mut">{t('channels.none')}</span></li>}
        </ul>
      ) : channels.isError && !lost ? (
        <ProblemCard problem={problemOf(channels.error)}><Button onClick={() => void channels.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <div className="card-b"><span className="sr" role="status">{t('channels.loading')}</span><Later><Bone width={280} /></Later></div>
      )}
      {adding && <ChannelDialog taken={taken} onClose={() => setAdding(false)} onSaved={setSaved} />}
    </Card>
  );
}

/** Whether it cannot work until its secret is given again: it came with a configuration. */
function lacksSecret(c: ChannelStatus): boolean {
  return !c.secret && needsSecret({ kind: c.kind, settings: c.settings ?? {} });
}

function lookOf(c: ChannelStatus): Look {
  if (c.paused) return 'off';
  if (c.problem) return 'warn';
  return lacksSecret(c) ? 'warn' : 'ok';
}

/** One channel. One that was just made is to be tried. */
function Line({ channel: c, taken, fresh }: { channel: ChannelStatus; taken: readonly string[]; fresh: boolean }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const [open, setOpen] = useState<'edit' | 'remove'>();
  const test = useAct((api) => api.testChannel(c.name));
  return (
    <li className="channel">
      <StateIcon look={lookOf(c)} label={c.paused ? t('channels.is_paused') : lookOf(c) === 'warn' ? t('channels.failing') : t('channels.well')} />
      <span><bdi className="med">{c.name}</bdi> <span className="dim">{t(`channels.kind.${c.kind}`)}</span></span>
      <span className="row g1 wrap">
        <Button small kind={fresh && !test.data ? 'plain' : 'quiet'} disabled={!mayAct} busy={test.isPending} aria-label={t('channels.test_of', { name: c.name })} onClick={() => test.mutate(undefined)}>{test.isPending ? t('channels.sending') : t('channels.test')}</Button>
        <Button small kind="quiet" disabled={!mayAct} aria-label={t('channels.edit_of', { name: c.name })} onClick={() => setOpen('edit')}>{t('channels.edit')}</Button>
        <Button small kind="quiet" disabled={!mayAct} aria-label={t('channels.remove_of', { name: c.name })} onClick={() => setOpen('remove')}>{t('channels.remove')}</Button>
      </span>
      <span className="sub">{t('channels.told', { what: tells(c).map((o) => t(`channels.of.${o}`)).join(', ') })}</span>
      <State channel={c} />
      {(test.data ?? test.error) && <div className="sub"><Tried name={c.name} test={test.data} error={test.error} /></div>}
      {open === 'edit' && <ChannelDialog channel={c} taken={taken} onClose={() => setOpen(undefined)} onSaved={() => test.reset()} />}
      {open === 'remove' && <Remove channel={c} onClose={() => setOpen(undefined)} />}
    </li>
  );
}

/** What became of its messages: the last that was taken, what waits, what was wrong. */
function State({ channel: c }: { channel: ChannelStatus }) {
  const { t, texts, format } = useWording();
  const problem = c.problem && texts.problem(c.problem);
  const parts = [
    c.paused ? t('channels.is_paused_long') : '',
    c.last_ok ? t('channels.last_ok', { time: format.time(new Date(c.last_ok)) }) : t('channels.never'),
    c.waiting > 0 ? t('channels.waiting', { count: c.waiting }) : '',
    c.retry_at && !c.paused ? t('channels.retry', { time: format.time(new Date(c.retry_at)) }) : '',
    c.given_up ? t('channels.given_up', { count: c.given_up }) : '',
  ];
  return (
    <>
      <span className="sub">{parts.filter(Boolean).join(' ')}</span>
      {lacksSecret(c) && <span className="sub t-warn">{t('channels.no_secret')}</span>}
      {problem && <span className="sub t-warn"><b>{problem.title}</b> {problem.remedy}</span>}
    </>
  );
}

/** The answer to a test. */
function Tried({ name, test, error }: { name: string; test: ChannelTest | undefined; error: ReturnType<typeof problemOf> | null }) {
  const { t, format } = useWording();
  const problem = error ?? (test?.ok === false ? test.problem : undefined);
  if (problem) return <ProblemLine problem={problem} />;
  return <p className="row" role="status"><StateIcon look="ok" />{t('channels.taken', { name, time: format.duration((test?.seconds ?? 0) * 1000) })}</p>;
}

function Remove({ channel: c, onClose }: { channel: ChannelStatus; onClose: () => void }) {
  const { t } = useWording();
  const remove = useAct((api) => api.removeChannel(c.name));
  return (
    <Dialog
      title={t('channels.remove_title', { name: c.name })}
      onClose={onClose}
      onSubmit={() => remove.mutate(undefined, { onSuccess: onClose })}
      footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="danger" type="submit" busy={remove.isPending}>{t('channels.remove_do')}</Button></>}
    >
      <div className="loss">{t('channels.remove_loss', { count: c.waiting })}</div>
      {remove.error && <ProblemLine problem={remove.error} />}
    </Dialog>
  );
}
