import type { RestoreResult, Run } from './api';
import type { World } from './fake';
import { at, backupOf, proofOf, resultOf, runOf } from './fixtures';

/** Scenes of single runs, all of which are the run r1; see `scenes` in fake.ts. */
export const runScenes: Record<string, (w: World) => void> = {
  proving: only({ progress: { phase: 'load', item: 'public.order_items', done: 7_100_000_000, total: 18_400_000_000 } }),
  restoring: only({ kind: 'restore', database: 'orders_prod_20261120', backup: 'b-orders_prod-8', progress: { phase: 'load', item: 'public.order_events', done: 14_900_000_000, total: 18_400_000_000 } }),
  waiting: (w) => {
    w.status.paused = true;
    const run = runOf({ status: 'queued' }, Date.now());
    delete run.progress;
    delete run.started;
    w.runs = [run];
  },
  proven: ended({ status: 'ok', result: resultOf('orders_prod'), backup: 'b-orders_prod-9' }),
  restored: ended({ kind: 'restore', status: 'ok', database: 'orders_prod_20261120', backup: 'b-orders_prod-8', result: restoredOf('orders_prod_20261120'), warnings: [{ code: 'postgres.roles_created', params: { roles: 'report_reader' } }] }),
  broke: ended({ status: 'failed', problem: { code: 'engine.auth_failed', params: { address: '127.0.0.1:5432', user: 'rahat_backup' } } }),
  pruned: about('disk', ended({ kind: 'prune', status: 'ok', trigger: 'retention', result: { run: 'r1', status: 'ok', destination: 'disk', removed: ['b1', 'b2', 'b3'], kept: 63, before_bytes: 131_000_000_000, after_bytes: 128_000_000_000, freed_bytes: 3_000_000_000, waiting_bytes: 412_000_000, seconds: 41 } })),
  pruning: about('disk', only({ kind: 'prune', progress: { phase: 'delete', done: 310, total: 1_204 } })),
  disproved: ended({ kind: 'verify', status: 'failed', backup: 'b-orders_prod-9', problem: { code: 'agent.proof_failed', params: { backup: 'b-orders_prod-9', checks: 'row_checksums' } }, result: { ...proofOf('b-orders_prod-9', 0), status: 'failed', checks: [{ name: 'restore', status: 'ok', count: 18_104_377, seconds: 200 }, { name: 'row_checksums', status: 'failed', detail: 'public.orders: rows differ', seconds: 71 }] } }),
  held: only({ held: true, job: 'orders-hourly', trigger: 'schedule' }),
  retrying: (w) => {
    const run = runOf({ status: 'queued', job: 'orders-hourly', trigger: 'schedule', attempt: 1, attempts: 3, retry_at: at(4, Date.now()), problem: { code: 'engine.server_lost' } }, Date.now());
    delete run.progress;
    w.runs = [run];
  },
  dead: (w) => {
    ended({ status: 'failed', dead: true, job: 'orders-hourly', trigger: 'catch_up', attempt: 3, attempts: 3, problem: { code: 'engine.server_lost' }, scripts: [{ place: 'before', number: 1, status: 'ok', seconds: 1.2, output: 'maintenance mode on' }, { place: 'after', number: 1, status: 'failed', seconds: 0.3, output: 'curl: (7) Failed to connect to 127.0.0.1 port 8080\nexit status 7' }, { place: 'after', number: 2, status: 'skipped', seconds: 0 }] })(w);
  },
  gone: (w) => change(w, { present: false, readable: false, state: 'attention', size_bytes: 0 }),
  bare: (w) => {
    change(w, { state: 'not_protected', concern: 'no_backup', backups: 0, trend: [] });
    delete w.databases[0]?.last;
    delete w.databases[0]?.proven;
  },
  disproven: (w) => {
    const last = backupOf({ id: 'b-orders_prod-9', proof: { ...proofOf('b-orders_prod-9', -10, Date.now()), status: 'failed' } }, Date.now());
    change(w, { state: 'attention', concern: 'disproven', last });
  },
};

export function restoredOf(database: string): RestoreResult {
  return { run: 'r1', status: 'ok', server: 'main', database, rows: 18_104_377, plain_bytes: 18_400_000_000, seconds: 348, connection: `postgresql://deniz@127.0.0.1:5432/${database}` };
}

function only(over: Partial<Run>) {
  return (w: World) => {
    w.runs = [runOf(over, Date.now())];
  };
}

/** The run of a scene is about a place, not about a database. */
function about(destination: string, scene: (w: World) => void) {
  return (w: World) => {
    scene(w);
    for (const run of w.runs) {
      run.destination = destination;
      delete run.server;
      delete run.database;
    }
  };
}

function ended(over: Partial<Run>) {
  return (w: World) => {
    const run = runOf({ finished: at(-1, Date.now()), ...over }, Date.now());
    delete run.progress;
    w.runs = [run];
  };
}

function change(w: World, over: Partial<World['databases'][number]>): void {
  w.databases = w.databases.map((d, i) => (i === 0 ? { ...d, ...over } : d));
}
