import type { ReactNode } from 'react';
import type { BackupResult, PruneResult, RestoreResult, Run, VerifyResult } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { CopyField } from '../../ui/CopyField';
import { Card } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Proof } from '../../ui/Proof';
import { StateIcon } from '../../ui/StateIcon';
import { useRunWords } from '../../ui/useRunWords';
import { DeadActions } from './Dead';
import { ProofChecks } from './ProofChecks';
import './run.css';
import { Warnings } from './Warnings';

/** How a run ended. `actions` stand beside its problem or its result, `note` is added to what is said of a good end. */
export function Outcome({ run, actions, note }: { run: Run; actions?: ReactNode; note?: string }) {
  const proof = proofOf(run);
  return (
    <>
      {run.status === 'ok' ? <Done run={run} actions={actions} note={note} /> : <Ended run={run} actions={actions} />}
      {run.status === 'ok' && run.kind === 'restore' && <Connect result={run.result as RestoreResult} />}
      {proof && (
        <div className="pair">
          <ProofChecks proof={proof} />
          <Proof proof={proof} />
        </div>
      )}
      <Warnings of={run.warnings} />
    </>
  );
}

/** The proof that a run made, whether it succeeded or not. */
function proofOf(run: Run): VerifyResult | undefined {
  if (run.kind === 'verify') return run.result as VerifyResult | undefined;
  return run.kind === 'backup' ? (run.result as BackupResult | undefined)?.verify : undefined;
}

function Done({ run, actions, note = '' }: { run: Run; actions: ReactNode; note: string | undefined }) {
  const [title, body] = useSentence(run);
  return (
    <header className="state">
      <StateIcon look="ok" size={32} />
      <div className="grow" role="status">
        <h2>{title}</h2>
        <p>{body} {note}</p>
      </div>
      {actions ?? <DatabaseLink run={run} primary />}
    </header>
  );
}

function useSentence(run: Run): [title: string, body: string] {
  const { t, format } = useWording();
  const words = useRunWords();
  const name = run.database ?? '';
  const took = (seconds: number) => format.duration(seconds * 1000);
  // Not every engine counts rows.
  const proved = ({ rows, seconds }: VerifyResult) => (rows > 0 ? t('run.proved_body', { time: took(seconds), rows: format.count(rows) }) : t('run.proved_bare', { time: took(seconds) }));
  if (run.kind === 'backup' && run.result) {
    const r = run.result as BackupResult;
    const added = t('run.added', { size: format.bytes(r.added_bytes), time: took(r.seconds) });
    if (!r.verify) return [t('run.backed_up', { name }), added];
    return [t('run.backed_up_proven', { name }), proved(r.verify)];
  }
  if (run.kind === 'verify' && run.result) {
    const r = run.result as VerifyResult;
    return [t('run.proved', { name }), proved(r)];
  }
  if (run.kind === 'restore' && run.result) {
    const r = run.result as RestoreResult;
    const done = { size: format.bytes(r.plain_bytes), time: took(r.seconds) };
    return [t('run.restored', { name: r.database }), r.rows > 0 ? t('run.restored_body', { ...done, rows: format.count(r.rows) }) : t('run.restored_bare', done)];
  }
  if (run.kind === 'prune' && run.result) {
    const r = run.result as PruneResult;
    const room = { freed: format.bytes(r.freed_bytes), before: format.bytes(r.before_bytes), after: format.bytes(r.after_bytes) };
    const removed = t('run.pruned', { count: r.removed.length, kept: r.kept });
    return [t('run.done', { what: words.kind(run) }), [removed, t('run.freed', room), ...(r.waiting_bytes > 0 ? [t('run.freed_later', { size: format.bytes(r.waiting_bytes) })] : [])].join(' ')];
  }
  return [t('run.done', { what: words.kind(run) }), ''];
}

function Connect({ result }: { result: RestoreResult }) {
  const { t } = useWording();
  return (
    <Card title={t('run.connect')}>
      <div className="card-b col gap-2">
        <CopyField value={result.connection} />
        {result.connection.includes('://') && <p className="small dim">{t('run.no_password')}</p>}
      </div>
    </Card>
  );
}

function Ended({ run, actions }: { run: Run; actions: ReactNode }) {
  const problem = run.problem ?? { code: `agent.${run.status}` };
  return (
    <ProblemCard problem={problem} look={run.status === 'failed' ? 'bad' : 'warn'}>
      {actions ?? <>{run.dead ? <DeadActions run={run} /> : <Again run={run} />}<DatabaseLink run={run} /></>}
    </ProblemCard>
  );
}

/** Does a failed run once more, where that needs no choice. */
function Again({ run }: { run: Run }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  const again = useAct((api) =>
    run.kind === 'backup'
      ? api.startBackup({ server: run.server ?? '', databases: [run.database ?? ''], destination: run.destination ?? '', verify: 'full' })
      : api.verify(run.backup ?? '', 'full'),
  );
  if (!run.database || (run.kind !== 'backup' && run.kind !== 'verify')) return null;
  return (
    <>
      <Button kind="primary" icon="again" disabled={!mayAct || again.isSuccess} busy={again.isPending} onClick={() => again.mutate(undefined)}>{t(run.kind === 'backup' ? 'run.again' : 'run.prove_again')}</Button>
      {again.data?.runs[0] && <LinkButton to="/runs/$run" params={{ run: again.data.runs[0] }}>{t('status.running')}</LinkButton>}
    </>
  );
}

function DatabaseLink({ run, primary = false }: { run: Run; primary?: boolean }) {
  const { t } = useWording();
  if (!run.server || !run.database) return null;
  return <LinkButton to="/databases/$server/$database" params={{ server: run.server, database: run.database }} kind={primary ? 'primary' : 'plain'}>{t('run.open')}</LinkButton>;
}
