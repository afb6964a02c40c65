import { QueryClient, queryOptions } from '@tanstack/react-query';
import type { Api, BackupQuery, Job, RowsQuery } from '../api/api';
import { problemOf } from '../api/problem';
import type { Live } from './live';

/** Everything is asked of a program on this computer, so being offline is no reason to wait. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { staleTime: Infinity, gcTime: 60_000, retry: false, refetchOnWindowFocus: false, networkMode: 'always' },
      mutations: { networkMode: 'always' },
    },
  });
}

/** The questions of the pages. Their answers are out of date only when an event says so. */
export function newQuestions(api: Api, live: Live) {
  /** Notes a lost agent, whichever question found it. */
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      return await question();
    } catch (e) {
      const problem = problemOf(e);
      if (problem.unreachable) live.lost();
      throw problem;
    }
  };
  return {
    status: queryOptions({
      queryKey: ['status'],
      queryFn: async () => {
        const status = await ask(() => api.status());
        live.begin(status);
        return status;
      },
    }),
    databases: queryOptions({ queryKey: ['databases'], queryFn: () => ask(() => api.databases()) }),
    settings: queryOptions({ queryKey: ['settings'], queryFn: () => ask(() => api.settings()) }),
    hello: queryOptions({ queryKey: ['hello'], queryFn: () => ask(() => api.hello()) }),
    servers: queryOptions({ queryKey: ['servers'], queryFn: () => ask(() => api.servers()) }),
    destinations: queryOptions({ queryKey: ['destinations'], queryFn: () => ask(() => api.destinations()) }),
    // What must be read at the place itself is asked once, and again only when it is about that place.
    usage: (name: string) => queryOptions({ queryKey: ['usage', name], queryFn: () => ask(() => api.destinationUsage(name)), staleTime: 'static' }),
    keys: (name: string) => queryOptions({ queryKey: ['keys', name], queryFn: () => ask(() => api.keys(name)), staleTime: 'static' }),
    channels: queryOptions({ queryKey: ['channels'], queryFn: () => ask(() => api.channels()) }),
    doctor: queryOptions({ queryKey: ['doctor'], queryFn: () => ask(() => api.doctor()), staleTime: 'static', gcTime: 0 }),
    tables: (backup: string) => queryOptions({ queryKey: ['tables', backup], queryFn: () => ask(() => api.tables(backup)), staleTime: 'static' }),
    rows: (backup: string, query: RowsQuery) => queryOptions({ queryKey: ['rows', backup, query], queryFn: () => ask(() => api.rows(backup, query)), staleTime: 'static' }),
    recovery: queryOptions({ queryKey: ['recovery'], queryFn: () => ask(() => api.recovery()) }),
    jobs: queryOptions({ queryKey: ['jobs'], queryFn: () => ask(() => api.jobs()) }),
    jobTemplates: queryOptions({ queryKey: ['job-templates'], queryFn: () => ask(() => api.jobTemplates()) }),
    jobPreview: (job: Job) => queryOptions({ queryKey: ['job-preview', job], queryFn: () => ask(() => api.previewJob(job)) }),
    prunePreview: queryOptions({ queryKey: ['prune-preview'], queryFn: () => ask(() => api.previewPrune()) }),
    runs: queryOptions({ queryKey: ['runs'], queryFn: () => ask(() => api.runs()) }),
    deadRuns: queryOptions({ queryKey: ['runs', 'dead'], queryFn: () => ask(() => api.deadRuns()) }),
    run: (id: string) => queryOptions({ queryKey: ['run', id], queryFn: () => ask(() => api.run(id)) }),
    backups: (query: BackupQuery) => queryOptions({ queryKey: ['backups', query], queryFn: () => ask(() => api.backups(query)) }),
    backup: (id: string) => queryOptions({ queryKey: ['backup', id], queryFn: () => ask(() => api.backup(id)) }),
  };
}

export type Questions = ReturnType<typeof newQuestions>;
