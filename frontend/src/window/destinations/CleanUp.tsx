import { TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Destination, RetentionEntry } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { isOver } from '../../state/live';
import { useAct, useAgent, useCanAct, useNow, useRuns } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Card } from '../../ui/Page';
import { ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { useReasons } from '../backups/Keeping';
import { GoneDays, GoneList } from '../jobs/WhatGoes';
import { Outcome } from '../run/Outcome';
import { RunProgress } from '../run/RunProgress';
import { useRun } from '../run/useRun';

/** So many of those that stay are listed. */
const listed = 200;

/** Removes from a place what no rule keeps, when a person asks for it, and tells what came of it. */
export function CleanUp({ place }: { place: Destination }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const [open, setOpen] = useState(false);
  const [started, setStarted] = useState<string>();
  // One that runs by itself is shown, too: another would only wait for it.
  const going = [...useRuns().values()].find((r) => r.kind === 'prune' && r.destination === place.name && !isOver(r));
  const shown = going?.id ?? started;
  return (
    <>
      <Card title={t('clean.title')}>
        <div className="card-b col gap-3">
          <p className="mut">{t('clean.body')}</p>
          <div><Button icon="archive" disabled={!mayAct || going !== undefined} onClick={() => setOpen(true)}>{t('clean.open')}</Button></div>
        </div>
      </Card>
      {shown && <Shown key={shown} run={shown} place={place.name} />}
      {open && (
        <Ask
          place={place.name}
          onClose={() => setOpen(false)}
          onStarted={(run) => {
            setStarted(run);
            setOpen(false);
          }}
        />
      )}
    </>
  );
}

/** The clean-up as every run is shown. What the place takes is measured anew when it has ended. */
function Shown({ run: id, place }: { run: string; place: string }) {
  const client = useQueryClient();
  const { questions } = useAgent();
  const { run } = useRun(id);
  const over = run ? isOver(run) : undefined;
  useEffect(() => {
    if (over) void client.prefetchQuery({ ...questions.usage(place), staleTime: 0 });
  }, [over, client, questions, place]);
  if (!run) return null;
  return over ? <Outcome run={run} /> : <RunProgress run={run} />;
}

/** Says which backups would go and why the others stay, before anything is removed. */
function Ask({ place, onClose, onStarted }: { place: string; onClose: () => void; onStarted: (run: string | undefined) => void }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const asked = useQuery({ ...useAgent().questions.prunePreview, refetchOnMount: 'always' });
  const clean = useAct((api) => api.prune(place));
  const [typed, setTyped] = useState('');
  const of = asked.isFetching ? undefined : asked.data?.backups.filter((e) => e.destination === place);
  const gone = of?.filter((e) => !e.keep) ?? [];
  const kept = of?.filter((e) => e.keep) ?? [];
  const much = gone.length > kept.length;
  const ready = of !== undefined && mayAct && (!much || typed === place);
  return (
    <Dialog
      title={t('clean.ask', { name: place })}
      onClose={onClose}
      onSubmit={() => {
        if (ready && !clean.isPending) clean.mutate(undefined, { onSuccess: ({ runs: [run] }) => onStarted(run) });
      }}
      footer={
        <>
          <Button onClick={onClose}>{t(gone.length > 0 ? 'action.keep' : 'action.cancel')}</Button>
          <Button kind={gone.length > 0 ? 'danger' : 'primary'} type="submit" disabled={!ready} busy={clean.isPending}>{gone.length > 0 ? t('clean.remove', { count: gone.length }) : t('clean.do')}</Button>
        </>
      }
    >
      {of ? <Preview gone={gone} kept={kept} /> : asked.isFetching ? <><span className="sr" role="status">{t('clean.loading')}</span><Later><Bone width={280} /></Later></> : <ProblemLine problem={problemOf(asked.error)} />}
      {much && <TextInput label={t('confirm.type', { name: place })} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="off" spellCheck={false} data-autofocus />}
      {clean.error && <ProblemLine problem={clean.error} />}
    </Dialog>
  );
}

function Preview({ gone, kept }: { gone: readonly RetentionEntry[]; kept: readonly RetentionEntry[] }) {
  const { t } = useWording();
  const now = useNow(60_000);
  return (
    <>
      {gone.length > 0 ? (
        <div className="loss col gap-3" role="status">
          <p><b>{t('preview.gone', { count: gone.length, all: gone.length + kept.length })}</b> {gone.length > kept.length && t('preview.most')} {t('clean.loss')}</p>
          <GoneDays removed={gone} now={now} />
        </div>
      ) : (
        <p role="status"><b>{t('clean.none')}</b> {t('clean.none_body')}</p>
      )}
      {gone.length > 0 && <GoneList removed={gone} where={false} />}
      {kept.length > 0 && <KeptList kept={kept} />}
    </>
  );
}

/** Those that stay with their reasons, where somebody asks. */
function KeptList({ kept }: { kept: readonly RetentionEntry[] }) {
  const { t, format } = useWording();
  const why = useReasons();
  return (
    <details className="gone-list">
      <summary>{t('clean.stay', { count: kept.length })}</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label={t('clean.stay', { count: kept.length })}>
        <table className="tbl tight kept">
          <colgroup><col className="c-w" /><col className="c-n" /><col /></colgroup>
          <thead><tr><th scope="col">{t('database.when')}</th><th scope="col">{t('databases.name')}</th><th scope="col">{t('clean.why')}</th></tr></thead>
          <tbody>
            {kept.slice(0, listed).map((e) => (
              <tr key={e.backup}>
                <td><time dateTime={e.at}>{format.time(new Date(e.at))}</time></td>
                <td title={e.database}><bdi>{e.database}</bdi></td>
                <td className="mut">{why(e)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {kept.length > listed && <p className="small dim">{t('preview.more_backups', { count: kept.length - listed })}</p>}
    </details>
  );
}
