import type { Api, BackupRows, BackupTable, ChannelStatus, ConfigFile, ConfigImported, Destination, DestinationTest, Doctor, KeySlot } from './api';
import type { World } from './fake';
import { at } from './fixtures';
import { Problem } from './problem';

/*
 * What the fake agent tells of how it is set up: channels, keys, the
 * configuration as a file, the examination of everything; and of what is in a
 * backup.
 */

export function channelOf(over: Partial<ChannelStatus> = {}): ChannelStatus {
  return { name: 'mail', kind: 'email', settings: { host: 'smtp.example.com', user: 'backup@example.com', from: 'backup@example.com', to: 'deniz@example.com' }, secret: true, waiting: 0, ...over };
}

export function channelsOf(now = Date.now()): ChannelStatus[] {
  return [
    channelOf({ on: ['failure', 'overdue', 'proof', 'digest'], last_ok: at(-780, now) }),
    channelOf({ name: 'team', kind: 'slack', settings: {}, waiting: 2, failures: 5, last_ok: at(-4_000, now), retry_at: at(18, now), problem: { code: 'message.not_authorized', params: { host: 'hooks.slack.com', status: '404', reason: 'no_service' } } }),
    channelOf({ name: 'hook', kind: 'webhook', settings: { url: 'https://example.com/rahat' }, on: ['failure', 'success'], paused: true }),
  ];
}

export function keysOf(now = Date.now()): KeySlot[] {
  return [
    { id: '3f9a27c1', kind: 'secret', created: at(-90_000, now), this: true },
    { id: '81be04d2', kind: 'passphrase', created: at(-90_000, now) },
    { id: 'c07d5ee8', kind: 'age', recipient: 'age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq', created: at(-9_000, now) },
  ];
}

/** A test of a folder in which all went well but for the room, or of one that lets files be replaced. */
export function destinationTestOf(broken = false): DestinationTest {
  const names = ['clean', 'write', 'read', 'clock', 'range', 'list', 'replace', 'broken', 'large', 'delete'] as const;
  const replaced = { code: 'storecheck.replaced', params: { key: 'check/x/a' } };
  const checks: DestinationTest['checks'] = names.map((name) => ({
    name, status: broken && name === 'replace' ? 'failed' : 'ok', seconds: name === 'large' ? 0.4 : 0.01, ...(name === 'large' && { bytes: 33_554_432 }), ...(broken && name === 'replace' && { problem: replaced }),
  }));
  return { ok: !broken, repository: 'r', backups: 63, free_bytes: broken ? -1 : 412_000_000_000, checks, ...(broken && { problem: replaced }) };
}

export function doctorOf(): Doctor {
  return {
    ok: false,
    checks: [
      { name: 'home', status: 'ok', text: { code: 'doctor.home', params: { path: '/home/deniz/.local/share/rahat' } }, seconds: 0 },
      { name: 'space', subject: '/home/deniz/.local/share/rahat', status: 'ok', text: { code: 'doctor.space', params: { free: '412000000000' } }, seconds: 0 },
      { name: 'vault', status: 'ok', text: { code: 'doctor.vault.keychain' }, seconds: 0 },
      { name: 'catalog', status: 'ok', text: { code: 'doctor.catalog' }, seconds: 0.1 },
      { name: 'server', subject: 'main', status: 'ok', text: { code: 'doctor.server_tool', params: { product: 'PostgreSQL', version: '17.2', tool: 'pg_dump 17.2', count: '2' } }, seconds: 0.2 },
      { name: 'destination', subject: 'disk', status: 'ok', text: { code: 'doctor.destination_free', params: { free: '412000000000' } }, seconds: 0.4 },
      { name: 'destination', subject: 'office-nas', status: 'failed', problem: { code: 'doctor.timeout', params: { seconds: '10' } }, seconds: 10 },
      { name: 'recovery_kit', subject: 'disk', status: 'warning', problem: { code: 'doctor.kit_untried', params: { destination: 'disk' } }, seconds: 0 },
      { name: 'job', subject: 'orders-hourly', status: 'ok', text: { code: 'doctor.job', params: { schedule: 'every 1h' } }, seconds: 0 },
      { name: 'job', subject: 'before-release', status: 'warning', text: { code: 'doctor.job_by_hand' }, problem: { code: 'doctor.job_paused', params: { job: 'before-release' } }, seconds: 0 },
      { name: 'database', status: 'ok', text: { code: 'doctor.databases' }, seconds: 0 },
      { name: 'login', status: 'skipped', seconds: 0 },
    ],
  };
}

export function tablesOf(): BackupTable[] {
  return [
    { schema: 'public', name: 'customers', columns: ['id', 'name', 'city', 'note'], rows: 41_207, bytes: 6_100_000 },
    { schema: 'public', name: 'order_events', columns: ['id', 'order_id', 'kind', 'at'], rows: 16_004_311, bytes: 14_900_000_000, partitions: 12 },
    { schema: 'public', name: 'orders', columns: ['id', 'customer_id', 'total', 'made'], rows: 2_058_859, bytes: 3_400_000_000 },
  ];
}

const cities = ['İzmir', 'Ankara', 'Diyarbakır', 'Bursa', null];

function rowsOf(table: BackupTable, offset: number, limit: number): BackupRows {
  const count = Math.max(0, Math.min(limit, table.rows - offset));
  const rows = Array.from({ length: count }, (_, i) => table.columns.map((c, j) => (c === 'city' ? cities[(offset + i) % 5]! : j === 0 ? String(offset + i + 1) : c === 'note' ? null : `${c} ${offset + i + 1}`)));
  return { ...(table.schema && { schema: table.schema }), name: table.name, columns: table.columns, offset, rows, more: offset + count < table.rows, cut: 0 };
}

function configOf(w: World): ConfigFile {
  const channels = w.channels.map(({ name, kind, settings, on }) => ({ name, kind, ...(settings && { settings }), ...(on && { on }) }));
  return { kind: 'rahat configuration', version: 1, program: '0.3.0', written: new Date().toISOString(), machine: 'deniz-pc', servers: w.servers, destinations: w.destinations, jobs: w.jobs, channels };
}

/** Judges a file as the agent does: what it is first, then its version. */
function judged(w: World, file: unknown, replace: boolean): ConfigImported {
  const f = (typeof file === 'object' && file !== null ? file : {}) as Partial<Omit<ConfigFile, 'kind'>> & { kind?: string };
  if (f.kind !== 'rahat configuration') throw new Problem({ code: 'config.not_one', status: 422 });
  if ((f.version ?? 0) > 1) throw new Problem({ code: 'config.newer', params: { version: String(f.version), known: '1' }, status: 422 });
  const there = new Set(w.jobs.map((j) => j.name));
  const known = (f.jobs ?? []).filter((j) => there.has(j.name)).map((j) => `job/${j.name}`);
  return { added: (f.jobs ?? []).filter((j) => !there.has(j.name)).map((j) => `job/${j.name}`), changed: replace ? known : [], left: replace ? [] : known, same: [], need_secrets: (f.servers ?? []).map((s) => `server/${s.name}`) };
}

const gone = (code: string, params: Record<string, string>) => Promise.reject(new Problem({ code, params, status: 404 }));

type Setup = Pick<Api, 'editDestination' | 'destinationUsage' | 'reread' | 'keys' | 'addKey' | 'removeKey' | 'rotateKey' | 'unlock' | 'channels' | 'addChannel' | 'editChannel' | 'removeChannel' | 'testChannel' | 'exportConfig' | 'importConfig' | 'doctor' | 'tables' | 'rows'>;

/** The part of the fake agent that is about all this. */
export function setupApi(world: World, start: (kind: string, of: { destination: string }) => Promise<{ runs: string[] }>): Setup {
  const place = (name: string, take: (d: Destination) => Promise<Destination>) => {
    const d = world.destinations.find((x) => x.name === name);
    return d ? take(d) : gone('agent.no_destination', { name });
  };
  const keep = (keys: KeySlot[]) => Promise.resolve((world.keys = keys));
  return {
    editDestination: (name, edit) => place(name, (d) => {
      const next = { ...d, ...edit };
      world.destinations = world.destinations.map((x) => (x === d ? next : x));
      return Promise.resolve(next);
    }),
    destinationUsage: () => Promise.resolve({ backups: 63, bytes: 128_000_000_000, free_bytes: 412_000_000_000 }),
    reread: (name) => start('reread', { destination: name }),
    keys: () => Promise.resolve(world.keys),
    addKey: (_, key) => keep([...world.keys, { id: `n${world.keys.length}`, kind: key.passphrase ? 'passphrase' : 'age', created: new Date().toISOString(), ...(key.recipient && { recipient: key.recipient }) }]),
    removeKey: async (_, id) => void (await keep(world.keys.filter((k) => k.id !== id))),
    rotateKey: () => keep(world.keys.map((k) => (k.this ? { ...k, id: 'newkey01', created: new Date().toISOString() } : k))),
    unlock: (name) => place(name, (d) => Promise.resolve(d)),
    channels: () => Promise.resolve(world.channels),
    addChannel: ({ secret, ...c }) => {
      if (world.channels.some((x) => x.name === c.name)) return gone('agent.channel_exists', { name: c.name });
      world.channels = [...world.channels, { ...c, secret: secret !== undefined, waiting: 0 }];
      return Promise.resolve(c);
    },
    editChannel: ({ secret, ...c }) => {
      world.channels = world.channels.map((x) => (x.name === c.name ? { ...c, secret: x.secret || secret !== undefined, waiting: x.waiting } : x));
      return Promise.resolve(c);
    },
    removeChannel: (name) => {
      world.channels = world.channels.filter((c) => c.name !== name);
      return Promise.resolve();
    },
    testChannel: (name) => {
      const problem = world.channels.find((c) => c.name === name)?.problem;
      return Promise.resolve({ ok: !problem, seconds: 0.4, ...(problem && { problem }) });
    },
    exportConfig: () => Promise.resolve(configOf(world)),
    importConfig: ({ file, replace = false }) => new Promise((done) => done(judged(world, file, replace))),
    doctor: () => Promise.resolve(doctorOf()),
    tables: () => Promise.resolve(tablesOf()),
    rows: (_, q) => {
      const table = tablesOf().find((t) => t.name === q.table);
      return table ? Promise.resolve(rowsOf(table, q.offset, q.limit)) : gone('engine.table_not_found', { table: q.table });
    },
  };
}
