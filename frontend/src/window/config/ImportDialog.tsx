import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { ConfigImported, Job } from '../../api/api';
import { problemOf } from '../../api/problem';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { StateIcon } from '../../ui/StateIcon';

/** The jobs of a file that run commands of their own: whoever brings it in should know. */
export function scripted(file: unknown): string[] {
  const { jobs } = (typeof file === 'object' && file !== null ? file : {}) as { jobs?: Partial<Job>[] };
  if (!Array.isArray(jobs)) return [];
  return jobs.filter((j) => (j.before?.length ?? 0) + (j.after?.length ?? 0) > 0).map((j) => j.name ?? '');
}

/** Shows what a configuration would change, and brings it in: all of it or nothing. */
export function ImportDialog({ file, onClose }: { file: unknown; onClose: () => void }) {
  const { t } = useWording();
  const { api } = useAgent();
  const mayAct = useCanAct();
  const [replace, setReplace] = useState(false);
  const look = useQuery({ queryKey: ['import', useId(), replace], queryFn: () => api.importConfig({ file, replace, dry_run: true }), staleTime: 'static', gcTime: 0 });
  const bring = useAct((api) => api.importConfig({ file, replace }));
  const shown = bring.data ?? look.data;
  const idle = shown !== undefined && shown.added.length + shown.changed.length === 0;
  const problem = bring.error ?? (look.isError ? problemOf(look.error) : undefined);
  const commands = scripted(file).filter((name) => shown && [...shown.added, ...shown.changed].includes(`job/${name}`));
  return (
    <Dialog
      title={t('config.import_title')}
      onClose={onClose}
      onSubmit={() => {
        if (!bring.data && mayAct && look.data && !idle && !bring.isPending) bring.mutate(undefined);
      }}
      footer={
        bring.data ? <Button kind="primary" onClick={onClose}>{t('action.close')}</Button> : (
          <>
            <Button onClick={onClose}>{t('action.cancel')}</Button>
            <Button kind="primary" type="submit" disabled={!mayAct || !look.data || idle} busy={bring.isPending}>{t('config.import_do')}</Button>
          </>
        )
      }
    >
      {bring.data && <p className="row" role="status"><StateIcon look="ok" />{t('config.done')}</p>}
      {problem ? <ProblemLine problem={problem} /> : shown ? <Report of={shown} done={bring.data !== undefined} /> : <><span className="sr" role="status">{t('config.looking')}</span><Later><Bone width={240} /></Later></>}
      {commands.length > 0 && !problem && <p className="row top"><StateIcon look="warn" /><span>{t('config.scripts', { jobs: commands.join(', ') })}</span></p>}
      {!bring.data && !problem && (replace || (shown?.left.length ?? 0) > 0) && <Checkbox label={t('config.replace')} checked={replace} onChange={(e) => setReplace(e.currentTarget.checked)} />}
    </Dialog>
  );
}

const kinds: Record<string, Key> = { server: 'config.kind.server', destination: 'config.kind.destination', job: 'config.kind.job', channel: 'config.kind.channel' };

function Report({ of: r, done }: { of: ConfigImported; done: boolean }) {
  const { t } = useWording();
  const words = (what: string) => {
    const at = what.indexOf('/');
    const kind = kinds[what.slice(0, at)];
    return kind ? t(kind, { name: what.slice(at + 1) }) : what;
  };
  const lists = [['added', r.added], ['changed', r.changed], ['left', r.left], ['same', r.same], ['secrets', r.need_secrets]] as const;
  return (
    <div className="col gap-3">
      {!done && r.added.length + r.changed.length === 0 && <p>{t('config.nothing')}</p>}
      {lists.map(([name, list]) => list.length > 0 && (
        <div key={name}>
          <p className="lab">{t(`config.list.${name}`)}</p>
          <ul>{list.map((what) => <li key={what}><bdi>{words(what)}</bdi></li>)}</ul>
        </div>
      ))}
    </div>
  );
}
