import { at, backupOf, foundDatabase, jobsOf, kitOf, resultOf, runOf, settingsOf, sevenDatabases, statusOf } from './fixtures';
import type { Api, ChannelStatus, DatabaseStatus, Destination, Job, KeySlot, Label, NewServer, RecoveryState, Run, Server, Settings, Signal, StatusReport } from './api';
import { backupsOf, checkOf, matching } from './history';
import { previewOf, pruneOf, templatesOf } from './planned';
import { Problem } from './problem';
import { runScenes } from './sceneRuns';
import { channelsOf, destinationTestOf, keysOf, setupApi } from './setup';

/** What a fake agent knows. Tests may change it while it is in use. */
export interface World {
  status: StatusReport;
  databases: DatabaseStatus[];
  looking: boolean;
  settings: Settings;
  servers: Server[];
  destinations: Destination[];
  jobs: Job[];
  recovery: Record<string, Omit<RecoveryState, 'destination'>>;
  channels: ChannelStatus[];
  keys: KeySlot[];
  runs: Run[];
  /** What was written on backups, by their IDs. */
  labels: Record<string, Label>;
}

export type FakeApi = Api & {
  world: World;
  /** Sends a signal as the agent or the connection would. */
  emit(signal: Signal): void;
  /** Sends the next event of a run. */
  emitRun(run: Run): void;
};

export function newWorld(over: Partial<World> = {}, now = Date.now()): World {
  return {
    status: statusOf({}, now), databases: sevenDatabases(now), looking: false, settings: settingsOf(), runs: [], labels: {},
    servers: [{ name: 'main', engine: 'postgres', address: '127.0.0.1:5432' }],
    destinations: [{ name: 'disk', url: 'file:///backups' }, { name: 'office-nas', url: 'file:///mnt/nas' }], jobs: jobsOf(), recovery: { disk: { kit: at(-9_000, now) }, 'office-nas': { kit: at(-9_000, now), drilled: at(-8_900, now) } },
    channels: channelsOf(now), keys: keysOf(now), ...over,
  };
}

/** The agent in memory, for tests and for work on pages without one. `over` replaces single calls. */
export function fakeApi(over: Partial<Api> = {}, world: World = newWorld()): FakeApi {
  const listeners = new Set<(s: Signal) => void>();
  const emit = (s: Signal) => listeners.forEach((f) => f(s));
  const emitRun = (run: Run) => {
    const seq = ++world.status.seq;
    world.runs = world.runs.some((r) => r.id === run.id) ? world.runs.map((r) => (r.id === run.id ? run : r)) : [run, ...world.runs];
    emit({ kind: 'event', event: { seq, time: new Date().toISOString(), kind: 'run', run } });
  };
  const start = (kind: string, of: Partial<Run>) => {
    const run = runOf({ id: `r${world.runs.length + 1}`, kind, status: 'queued', ...of });
    delete run.progress;
    if (kind === 'prune' || kind === 'reread') {
      delete run.server;
      delete run.database;
    }
    emitRun(run);
    return Promise.resolve({ runs: [run.id] });
  };
  const missing = (code: string, params: Record<string, string>) => Promise.reject(new Problem({ code, params, status: 404 }));
  const change = (name: string, to: (j: Job) => Job) => {
    const job = world.jobs.find((j) => j.name === name);
    if (!job) return missing('agent.no_job', { name });
    world.jobs = world.jobs.map((j) => (j.name === name ? to(job) : j));
    return Promise.resolve(to(job));
  };
  const alter = (id: string, to: Partial<Run>) => {
    const run: Run = { ...(world.runs.find((r) => r.id === id) ?? runOf({ id })), ...to };
    emitRun(run);
    return Promise.resolve(run);
  };
  const backups = () => backupsOf(world);
  const base: Api = {
    ...setupApi(world, start),
    hello: () => Promise.resolve({ api: 1, version: '0.3.0', pid: 1, started: world.status.since, epoch: world.status.epoch, home: '/home/deniz/.local/share/rahat', vault: 'keychain', memory: { used: 12_900_000, spare: 500_000 } }),
    status: () => Promise.resolve({ ...world.status, active: world.runs.filter((r) => r.status === 'queued' || r.status === 'running') }),
    settings: () => Promise.resolve(world.settings),
    saveSettings: (s) => Promise.resolve((world.settings = s)),
    databases: () => Promise.resolve({ databases: world.databases, looking: world.looking, as_of: new Date().toISOString() }),
    servers: () => Promise.resolve(world.servers),
    addServer: (added) => {
      const server: Server = { ...added };
      delete (server as Partial<NewServer>).password;
      world.servers.push(server);
      return Promise.resolve(server);
    },
    editServer: (_, server) => Promise.resolve(server),
    testServer: () => Promise.resolve({ ok: true, size_bytes: 0, databases: [], warnings: [] }),
    removeServer: (name) => {
      world.servers = world.servers.filter((s) => s.name !== name);
      return Promise.resolve();
    },
    destinations: () => Promise.resolve(world.destinations),
    suggestDestination: () => Promise.resolve({ name: 'backups', url: 'file:///home/deniz/Backups' }),
    addDestination: (d) => {
      world.destinations.push(d);
      return Promise.resolve(d);
    },
    testDestination: (name) => Promise.resolve(destinationTestOf(name === 'office-nas')),
    removeDestination: (name) => {
      world.destinations = world.destinations.filter((d) => d.name !== name);
      return Promise.resolve();
    },
    recovery: () => Promise.resolve(world.destinations.map((d) => ({ destination: d.name, ...world.recovery[d.name] }))),
    makeKit: () => {
      world.recovery = Object.fromEntries(world.destinations.map((d) => [d.name, { kit: new Date().toISOString() }]));
      return Promise.resolve(kitOf());
    },
    drillKey: (d) => {
      world.recovery[d.destination] = { ...world.recovery[d.destination], drilled: new Date().toISOString() };
      return Promise.resolve({ ok: true, backups: 9, newest: 'b-orders_prod-9', bytes: 18_400_000_000, seconds: 4 });
    },
    jobs: () => Promise.resolve(world.jobs),
    addJob: (job) => {
      if (world.jobs.some((j) => j.name === job.name)) return missing('agent.job_exists', { name: job.name });
      world.jobs = [...world.jobs, job];
      return Promise.resolve(job);
    },
    editJob: (name, job) => change(name, () => job),
    removeJob: (name) => {
      world.jobs = world.jobs.filter((j) => j.name !== name);
      return Promise.resolve();
    },
    pauseJob: (name) => change(name, (j) => ({ ...j, paused: true })),
    resumeJob: (name) => change(name, (j) => ({ ...j, paused: false })),
    previewJob: (job) => Promise.resolve().then(() => previewOf(job, world)),
    jobTemplates: () => Promise.resolve(templatesOf()),
    previewPrune: () => Promise.resolve({ backups: pruneOf(world) }),
    prune: (destination) => start('prune', { destination }),
    startBackup: (r) => start('backup', { ...(r.server && { server: r.server }), ...(r.databases?.[0] && { database: r.databases[0] }) }),
    backups: (q = {}) => Promise.resolve(matching(backups(), q)),
    backup: (id) => {
      const b = backups().find((x) => x.id === id);
      return b ? Promise.resolve(b) : missing('agent.no_backup', { id });
    },
    label: (id, { pinned = false, tags = [], note = '' }) => {
      const b = backups().find((x) => x.id === id);
      if (!b) return missing('agent.no_backup', { id });
      world.labels[id] = { ...(pinned && { pinned }), ...(tags.length > 0 && { tags: [...new Set(tags)].sort() }), ...(note && { note }) };
      return Promise.resolve({ ...b, ...world.labels[id] });
    },
    verify: (backup) => start('verify', { backup }),
    checkRestore: (id, r) => Promise.resolve(checkOf(backups().find((b) => b.id === id), r.database, r.overwrite, world.databases.map((d) => d.database))),
    restore: (backup, r) => start('restore', { backup, server: r.server, database: r.database }),
    runs: () => Promise.resolve(world.runs),
    run: (id) => {
      const r = world.runs.find((x) => x.id === id);
      return r ? Promise.resolve(r) : missing('agent.no_run', { run: id });
    },
    deadRuns: () => Promise.resolve(world.runs.filter((r) => r.dead)),
    pauseRun: (id) => alter(id, { held: true }),
    resumeRun: (id) => alter(id, { held: false }),
    retryRun: (id) => {
      const known = world.runs.find((r) => r.id === id) ?? runOf();
      if (known.retry_at) {
        const begun = { ...known };
        delete begun.retry_at;
        delete begun.problem;
        emitRun(begun);
        return Promise.resolve({ runs: [id] });
      }
      const { kind, server, database, destination, job } = known;
      void alter(id, { dead: false });
      return start(kind, { trigger: 'retry', ...(server && { server }), ...(database && { database }), ...(destination && { destination }), ...(job && { job }) });
    },
    dismissRun: (id) => alter(id, { dead: false }),
    cancelRun: (id) => {
      const run: Run = { ...(world.runs.find((r) => r.id === id) ?? runOf({ id })), status: 'cancelled', problem: { code: 'agent.cancelled' } };
      emitRun(run);
      return Promise.resolve(run);
    },
    pause: () => {
      world.status.paused = true;
      return Promise.resolve();
    },
    resume: () => {
      world.status.paused = false;
      return Promise.resolve();
    },
    subscribe: (on) => {
      listeners.add(on);
      return { retry: () => on({ kind: 'link', up: true, resumed: false }), close: () => listeners.delete(on) };
    },
  };
  return { ...base, ...over, world, emit, emitRun };
}

const never = () => new Promise<never>(() => undefined);
const nobody = () => Promise.reject(new Problem({ code: 'control.unreachable', params: { address: 'agent' } }));

/** The fake agent that the page's address asks for: ?fake=running&lang=tr&theme=dark. */
export function fakeFromAddress(query: URLSearchParams): FakeApi {
  const world = newWorld();
  const scene = query.get('fake') ?? '';
  world.settings = settingsOf({ language: (query.get('lang') ?? 'en') as Settings['language'], theme: (query.get('theme') ?? 'system') as Settings['theme'] });
  scenes[scene]?.(world);
  const api = fakeApi(scene === 'loading' ? { status: never, databases: never, hello: never, jobs: never } : {}, world);
  if (scene === 'lost') once(api, () => lose(api));
  if (scene === 'failed') Object.assign(api, { databases: () => Promise.reject(new Problem({ code: 'catalog.damaged', detail: 'file is not a database', status: 500 })) });
  if (scene === 'running') move(api);
  if (scene === 'done') once(api, () => finish(api));
  Object.assign(window, { fake: api });
  return api;
}

/** Lets something happen a moment after the page listens. */
function once(api: FakeApi, happen: () => void): void {
  const { subscribe } = api;
  api.subscribe = (on, position) => {
    setTimeout(happen, 100);
    return subscribe(on, position);
  };
}

/** Goes on with the first run at 64 MB a second. */
function move(api: FakeApi): void {
  setInterval(() => {
    const run = api.world.runs[0];
    const p = run?.progress;
    if (run?.status === 'running' && p) api.emitRun({ ...run, progress: { ...p, done: Math.min(p.done + 32_000_000, p.total) } });
  }, 500);
}

function finish(api: FakeApi): void {
  api.emitRun({ ...runOf({}, Date.now()), status: 'ok', finished: new Date().toISOString(), result: resultOf('orders_prod') });
}

function lose(api: FakeApi): void {
  Object.assign(api, { status: nobody, databases: nobody, runs: nobody });
  api.emit({ kind: 'link', up: false, retryAt: Date.now() + 4_000 });
}

const scenes: Record<string, (w: World) => void> = {
  ...runScenes,
  running: (w) => {
    w.runs = [runOf({}, Date.now())];
  },
  resting: (w) => {
    const now = Date.now();
    const retrying = runOf({ id: 'r2', status: 'queued', database: 'billing', trigger: 'schedule', attempt: 1, attempts: 5, retry_at: at(24, now), problem: { code: 'engine.server_lost' } }, now);
    delete retrying.progress;
    w.runs = [runOf({ held: true }, now), retrying];
    const late = (name: string, over: Partial<DatabaseStatus>) => Object.assign(w.databases.find((d) => d.database === name) ?? {}, over);
    late('crm', { state: 'attention', concern: 'overdue' });
    late('analytics', { state: 'attention', concern: 'proof_old' });
    w.databases = [...w.databases.filter((d) => d.concern), ...w.databases.filter((d) => !d.concern)];
    const told = (kind: 'overdue' | 'proof_old', server: string, database: string) => ({ kind, server, database, text: { code: `state.${kind}`, params: { server, database } } });
    w.status = { ...w.status, state: 'attention', headline: { code: 'state.overdue', params: { server: 'office', database: 'crm' } }, concerns: [told('overdue', 'office', 'crm'), told('proof_old', 'warehouse', 'analytics')] };
  },
  activity: (w) => {
    const now = Date.now();
    const done = (id: string, over: Partial<Run>): Run => ({ ...runOf({}, now), id, ...over });
    const problem = { code: 'engine.auth_failed', params: { address: 'office:1433', user: 'rahat_backup' } };
    w.runs = [
      runOf({}, now),
      done('r2', { status: 'queued', database: 'billing', attempt: 1, attempts: 5, retry_at: at(24, now), problem: { code: 'engine.server_lost' } }),
      done('r8', { held: true, database: 'events', server: 'mongo' }),
      done('r3', { status: 'ok', database: 'web_shop', server: 'shop', started: at(-49, now), finished: at(-48, now), result: resultOf('web_shop') }),
      done('r4', { status: 'failed', database: 'crm', server: 'office', started: at(-120, now), finished: at(-119, now), problem }),
      done('r5', { kind: 'restore', status: 'ok', database: 'orders_prod_20261120', started: at(-300, now), finished: at(-291, now) }),
      done('r6', { kind: 'verify', status: 'cancelled', database: 'müşteriler', started: at(-1_500, now), finished: at(-1_499, now), problem: { code: 'agent.cancelled' } }),
      done('r7', { status: 'interrupted', database: 'analytics', server: 'warehouse', started: at(-2_900, now), finished: at(-2_880, now), problem: { code: 'agent.interrupted' } }),
    ];
  },
  jobs: (w) => {
    const now = Date.now();
    const done = (id: string, job: string, minutes: number, over: Partial<Run>): Run => ({ ...runOf({}, now), id, job, started: at(minutes - 2, now), finished: at(minutes, now), ...over });
    w.runs = [
      done('r1', 'orders-hourly', -18, { status: 'ok', result: resultOf('orders_prod') }),
      done('r2', 'billing-nightly', -680, { status: 'failed', database: 'billing', problem: { code: 'engine.server_lost' } }),
    ];
  },
  labelled: (w) => {
    w.labels = {
      'b-orders_prod-8': { pinned: true, tags: ['release', '2.4'], note: 'Before the move to the new warehouse' }, 'b-billing-9': { tags: ['quarter'] },
      'b-crm-8': { pinned: true }, 'b-web_shop-7': { tags: ['kampanya', 'release', 'öncesi'], note: 'Fiyat listesi değişmeden önce' },
    };
  },
  nobackups: (w) => {
    w.databases = [];
  },
  /** A kit that nobody has tried for a year, and a place that is a bucket. */
  olddrill: (w) => {
    w.recovery = { disk: { kit: at(-700_000), drilled: at(-690_000), drill_due: true }, 'office-nas': { kit: at(-9_000) }, cloud: { kit: at(-9_000), drilled: at(-8_900) } };
    w.destinations = [...w.destinations, { name: 'cloud', url: 's3://rahat-backups/deniz?endpoint=https%3A%2F%2Fs3.example.com&region=eu-central-1&key_id=AKIA2E0A8F3B244C9986', lock_days: 7 }];
  },
  nokit: (w) => {
    w.recovery = {};
  },
  quiet: (w) => {
    w.channels = [];
  },
  noplace: (w) => {
    w.destinations = [];
  },
  nojobs: (w) => {
    w.jobs = [];
  },
  nologin: (w) => {
    w.settings = { ...w.settings, start_at_login: false, at_login_possible: false };
  },
  paused: (w) => {
    w.status.paused = true;
    w.status.headline = { code: 'state.paused' };
    w.status.state = 'attention';
  },
  not_protected: (w) => {
    const crm = w.databases.find((d) => d.database === 'crm');
    if (!crm) return;
    const problem = { code: 'engine.auth_failed', params: { address: 'office:1433', user: 'rahat_backup' } };
    Object.assign(crm, { state: 'not_protected', concern: 'failed', problem });
    w.databases = [crm, ...w.databases.filter((d) => d !== crm)];
    w.status = { ...w.status, state: 'not_protected', headline: { code: 'state.failed', params: { server: 'office', database: 'crm' } }, facts: { code: 'state.facts.others', params: { n: '6', newest: w.databases[2]?.last?.finished ?? '' } }, concerns: [{ kind: 'failed', server: 'office', database: 'crm', problem, text: { code: 'state.failed', params: { server: 'office', database: 'crm' } } }] };
  },
  found: (w) => {
    w.servers = [];
    w.destinations = [];
    w.jobs = [];
    w.databases = [foundDatabase('orders'), foundDatabase('müşteriler'), foundDatabase('データ', { address: '127.0.0.1:5433', version: '16.6' }), foundDatabase('', { address: '127.0.0.1:5434', version: '', problem: { code: 'engine.auth_failed', params: { address: '127.0.0.1:5434', user: 'postgres' } } }, 0), foundDatabase('inventory.db', { engine: 'sqlite', product: 'SQLite', version: '3.46', address: '/home/deniz/inventory.db' })];
    w.status = { ...w.status, state: 'not_protected', headline: { code: 'state.nothing' }, facts: { code: 'state.facts.found', params: { n: '4' } } };
  },
  ready: (w) => {
    scenes.found?.(w);
    w.databases = w.databases.slice(0, 2);
    w.destinations = [{ name: 'disk', url: 'file:///backups' }];
  },
  empty: (w) => {
    w.servers = [];
    w.databases = [];
    w.status = { ...w.status, state: 'not_protected', headline: { code: 'state.nothing' } };
    delete w.status.facts;
  },
  many: (w) => {
    const seven = w.databases;
    w.databases = Array.from({ length: 200 }, (_, i) => {
      const d = seven[i % 7]!;
      return { ...d, database: `${d.database}_${i}`, last: backupOf({ ...d.last, id: `b${i}`, database: `${d.database}_${i}` }) };
    });
    w.status.headline = { code: 'state.protected', params: { n: '200' } };
  },
};
