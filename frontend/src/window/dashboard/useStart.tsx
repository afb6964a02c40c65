import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import type { Api, DatabaseStatus, Destination, Found, Job, Server } from '../../api/api';
import { problemOf, type Problem } from '../../api/problem';
import { useAgent } from '../../state/react';
import { useAsk } from '../../ui/useAsk';
import { proposeName } from './names';
import { planNightly } from './nightly';
import { needsLogin } from './remedy';

const ServerDialog = lazy(async () => ({ default: (await import('./ServerDialog')).ServerDialog }));
const DestinationDialog = lazy(async () => ({ default: (await import('./DestinationDialog')).DestinationDialog }));

export interface Starter {
  /** Backs databases up and has each proved; on the way it adds what is not there yet: their servers, a destination, and for those never backed up a job. */
  start(rows: readonly DatabaseStatus[]): Promise<void>;
  addServer(): Promise<void>;
  busy: boolean;
  problem: Problem | undefined;
  forget(): void;
  /** The jobs that were made or got more to do by the last start, which the page tells. */
  jobs: readonly Job[];
  /** The dialog that is open, for the page to show. */
  dialog: React.ReactNode;
}

export function useStart(): Starter {
  const { api } = useAgent();
  const client = useQueryClient();
  const { ask, dialog } = useAsk();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [jobs, setJobs] = useState<readonly Job[]>([]);

  const guarded = useCallback(
    async (work: () => Promise<void>) => {
      setBusy(true);
      setProblem(undefined);
      try {
        await work();
      } catch (e) {
        setProblem(problemOf(e));
      } finally {
        setBusy(false);
        void client.invalidateQueries();
      }
    },
    [client],
  );

  const login = useCallback(
    async (found: Found | undefined) => {
      const taken = (await api.servers()).map((s) => s.name);
      return ask<Server>((answer) => <ServerDialog {...(found && { found })} taken={taken} answer={answer} />);
    },
    [api, ask],
  );

  const start = useCallback(
    (rows: readonly DatabaseStatus[]) =>
      guarded(async () => {
        const byServer = await serversOf(api, rows, login);
        if (byServer.size === 0) return;
        const destination = await destinationOf(api, (suggested) => ask<Destination>((answer) => <DestinationDialog suggested={suggested} answer={answer} />));
        if (!destination) return;
        const made = [];
        for (const [server, of] of byServer) made.push(...(await backUp(api, server, of, destination)));
        setJobs(made);
      }),
    [api, ask, guarded, login],
  );

  const addServer = useCallback(() => guarded(async () => void (await login(undefined))), [guarded, login]);

  const forget = useCallback(() => {
    setProblem(undefined);
    setJobs([]);
  }, []);
  return useMemo(() => ({ start, addServer, busy, problem, forget, jobs, dialog: <Suspense>{dialog}</Suspense> }), [start, addServer, busy, problem, forget, jobs, dialog]);
}

/** The rows by the names of their servers; those found are added first, with a login where one is needed. */
async function serversOf(api: Api, rows: readonly DatabaseStatus[], login: (found: Found) => Promise<Server | undefined>) {
  const byServer = new Map<string, DatabaseStatus[]>();
  const added = new Map<string, string | undefined>();
  for (const row of rows) {
    let server = row.server;
    if (!server && row.found) {
      const key = `${row.found.engine} ${row.found.address}`;
      if (!added.has(key)) added.set(key, await adopt(api, row.found, login));
      server = added.get(key);
    }
    if (server) byServer.set(server, [...(byServer.get(server) ?? []), row]);
  }
  return byServer;
}

/** Adds a server that was found; answers its name, or nothing when the person thought better of it. */
async function adopt(api: Api, found: Found, login: (found: Found) => Promise<Server | undefined>): Promise<string | undefined> {
  if (needsLogin(found)) return (await login(found))?.name;
  const servers = await api.servers();
  const known = servers.find((s) => s.engine === found.engine && [found.address, ...(found.addresses ?? [])].includes(s.address));
  if (known) return known.name;
  const name = proposeName(found, servers.map((s) => s.name));
  return (await api.addServer({ name, engine: found.engine as Server['engine'], address: found.address, ...(found.user && { user: found.user }) })).name;
}

async function destinationOf(api: Api, choose: (suggested: Destination | undefined) => Promise<Destination | undefined>): Promise<readonly Destination[] | undefined> {
  const all = await api.destinations();
  if (all.length > 0) return all;
  // Without a suggestion the person names a folder; that it fails is no news to them.
  const chosen = await choose(await api.suggestDestination().catch(() => undefined));
  return chosen && [chosen];
}

/** Each database goes where it went last, while that place is there. Answers the jobs that back up what was never backed up before. */
async function backUp(api: Api, server: string, rows: readonly DatabaseStatus[], destinations: readonly Destination[]): Promise<Job[]> {
  const byDestination = new Map<string, DatabaseStatus[]>();
  for (const row of rows) {
    const last = destinations.find((d) => d.name === row.last?.destination) ?? destinations[0];
    if (last) byDestination.set(last.name, [...(byDestination.get(last.name) ?? []), row]);
  }
  const jobs: Job[] = [];
  for (const [destination, of] of byDestination) {
    const job = await planNightly(api, server, namesOf(of.filter((row) => !row.last)), destination);
    if (job) jobs.push(job.job);
    // What a new job is for is its first run.
    const databases = namesOf(of);
    if (job?.added && job.job.databases.length === databases.length) await api.startBackup({ job: job.job.name });
    else await api.startBackup({ server, databases, destination, verify: 'full' });
  }
  return jobs;
}

/** Databases by their names; of a server that does not list them, all. */
function namesOf(rows: readonly DatabaseStatus[]): string[] {
  return rows.some((row) => row.database === '') ? ['*'] : rows.map((row) => row.database);
}
