import createClient from 'openapi-fetch';
import type { Api, ConfigImport, Subscribe } from './api';
import { eventStream } from './events';
import { isProblemBody, Problem, problemOf } from './problem';
import type { paths } from './schema';

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function ok<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (e) {
    throw problemOf(e);
  }
  const { data, error, response } = answer;
  if (response.ok) return data as T; // 204 has no data, and its callers want none
  if (isProblemBody(error)) throw new Problem({ status: response.status, ...error });
  throw new Problem({ code: 'control.unreachable', params: { address: location.host }, detail: `HTTP ${response.status}`, status: response.status });
}

/** The agent over fetch. The stream of events is the one thing that differs between a browser and the window. */
export function httpApi(subscribe: Subscribe = eventStream): Api {
  const c = createClient<paths>({ baseUrl: location.origin });
  const named = (name: string) => ({ params: { path: { name } } });
  const id = (of: string) => ({ params: { path: { id: of } } });
  return {
    hello: () => ok(c.GET('/api/hello')),
    status: () => ok(c.GET('/api/status')),
    settings: () => ok(c.GET('/api/settings')),
    saveSettings: (body) => ok(c.PUT('/api/settings', { body })),
    databases: (refresh = false) => ok(c.GET('/api/databases', { params: { query: { refresh } } })),
    servers: () => ok(c.GET('/api/servers')),
    addServer: (body) => ok(c.POST('/api/servers', { body })),
    editServer: (name, body) => ok(c.PUT('/api/servers/{name}', { ...named(name), body })),
    testServer: (name) => ok(c.POST('/api/servers/{name}/test', named(name))),
    removeServer: async (name) => { await ok(c.DELETE('/api/servers/{name}', named(name))); },
    destinations: () => ok(c.GET('/api/destinations')),
    suggestDestination: () => ok(c.GET('/api/destinations/suggestion')),
    addDestination: (body) => ok(c.POST('/api/destinations', { body })),
    testDestination: (name) => ok(c.POST('/api/destinations/{name}/test', named(name))),
    removeDestination: async (name) => { await ok(c.DELETE('/api/destinations/{name}', named(name))); },
    editDestination: (name, body) => ok(c.PUT('/api/destinations/{name}', { ...named(name), body })),
    destinationUsage: (name) => ok(c.GET('/api/destinations/{name}/usage', named(name))),
    reread: (name) => ok(c.POST('/api/destinations/{name}/reread', named(name))),
    keys: (name) => ok(c.GET('/api/destinations/{name}/keys', named(name))),
    addKey: (name, body) => ok(c.POST('/api/destinations/{name}/keys', { ...named(name), body })),
    removeKey: async (name, key) => { await ok(c.DELETE('/api/destinations/{name}/keys/{id}', { params: { path: { name, id: key } } })); },
    rotateKey: (name) => ok(c.POST('/api/destinations/{name}/keys/rotate', named(name))),
    unlock: (name, body) => ok(c.POST('/api/destinations/{name}/unlock', { ...named(name), body })),
    channels: () => ok(c.GET('/api/channels')),
    addChannel: (body) => ok(c.POST('/api/channels', { body })),
    editChannel: (body) => ok(c.PUT('/api/channels/{name}', { ...named(body.name), body })),
    removeChannel: async (name) => { await ok(c.DELETE('/api/channels/{name}', named(name))); },
    testChannel: (name) => ok(c.POST('/api/channels/{name}/test', named(name))),
    exportConfig: () => ok(c.GET('/api/config')),
    importConfig: (body) => ok(c.POST('/api/config', { body: body as ConfigImport })),
    doctor: () => ok(c.GET('/api/doctor')),
    tables: (of) => ok(c.GET('/api/backups/{id}/tables', id(of))),
    rows: (of, query) => ok(c.GET('/api/backups/{id}/rows', { params: { path: { id: of }, query } })),
    recovery: () => ok(c.GET('/api/recovery-kit')),
    makeKit: (body) => ok(c.POST('/api/recovery-kit', { body })),
    drillKey: (body) => ok(c.POST('/api/recovery-kit/drill', { body })),
    jobs: () => ok(c.GET('/api/jobs')),
    addJob: (body) => ok(c.POST('/api/jobs', { body })),
    editJob: (name, body) => ok(c.PUT('/api/jobs/{name}', { ...named(name), body })),
    removeJob: async (name) => { await ok(c.DELETE('/api/jobs/{name}', named(name))); },
    pauseJob: (name) => ok(c.POST('/api/jobs/{name}/pause', named(name))),
    resumeJob: (name) => ok(c.POST('/api/jobs/{name}/resume', named(name))),
    previewJob: (body) => ok(c.POST('/api/jobs/preview', { body })),
    jobTemplates: () => ok(c.GET('/api/job-templates')),
    previewPrune: () => ok(c.POST('/api/prune/preview', { body: {} })),
    prune: (destination) => ok(c.POST('/api/prune', { body: { destination } })),
    startBackup: (body) => ok(c.POST('/api/backups', { body })),
    backups: (query = {}) => ok(c.GET('/api/backups', { params: { query } })),
    backup: (of) => ok(c.GET('/api/backups/{id}', id(of))),
    label: (of, body) => ok(c.PUT('/api/backups/{id}/label', { ...id(of), body })),
    verify: (of, level) => ok(c.POST('/api/backups/{id}/verify', { ...id(of), body: { level } })),
    checkRestore: (of, body) => ok(c.POST('/api/backups/{id}/restore/check', { ...id(of), body })),
    restore: (of, body) => ok(c.POST('/api/backups/{id}/restore', { ...id(of), body })),
    runs: (limit = 100) => ok(c.GET('/api/runs', { params: { query: { limit } } })),
    run: (of) => ok(c.GET('/api/runs/{id}', id(of))),
    cancelRun: (of) => ok(c.POST('/api/runs/{id}/cancel', id(of))),
    deadRuns: () => ok(c.GET('/api/runs', { params: { query: { dead: true } } })),
    pauseRun: (of) => ok(c.POST('/api/runs/{id}/pause', id(of))),
    resumeRun: (of) => ok(c.POST('/api/runs/{id}/resume', id(of))),
    retryRun: (of) => ok(c.POST('/api/runs/{id}/retry', id(of))),
    dismissRun: (of) => ok(c.POST('/api/runs/{id}/dismiss', id(of))),
    pause: async () => { await ok(c.POST('/api/pause')); },
    resume: async () => { await ok(c.POST('/api/resume')); },
    subscribe,
  };
}
