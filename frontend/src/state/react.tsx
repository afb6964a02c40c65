import { QueryClientProvider, useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useSyncExternalStore, type ReactNode } from 'react';
import type { Api } from '../api/api';
import { problemOf, type Problem } from '../api/problem';
import { Live, type Link, type LiveRun } from './live';
import { newQuestions, type Questions } from './queries';

export interface Agent {
  api: Api;
  live: Live;
  questions: Questions;
}

const Context = createContext<Agent | undefined>(undefined);

/** What the pages need of an agent, made once. */
export function connect(api: Api, client: QueryClient): Agent {
  const live = new Live(api, client);
  return { api, live, questions: newQuestions(api, live) };
}

/** Gives the pages below it the agent, and keeps the stream of events open. */
export function AgentProvider({ agent, client, onOpen, children }: { agent: Agent; client: QueryClient; onOpen?: (route: string) => void; children: ReactNode }) {
  useEffect(() => agent.live.start(onOpen), [agent, onOpen]);
  return (
    <QueryClientProvider client={client}>
      <Context.Provider value={agent}>{children}</Context.Provider>
    </QueryClientProvider>
  );
}

export function useAgent(): Agent {
  const agent = useContext(Context);
  if (!agent) throw new Error('no agent above this component');
  return agent;
}

export function useLink(): Link {
  const { live } = useAgent();
  return useSyncExternalStore(live.listen, () => live.snapshot().link);
}

/** Whether the agent answers, so that something can be started or changed. */
export function useCanAct(): boolean {
  return useLink().state === 'up';
}

/** The runs that wait or go on, and those that ended a moment ago. */
export function useRuns(): ReadonlyMap<string, LiveRun> {
  const { live } = useAgent();
  return useSyncExternalStore(live.listen, () => live.snapshot().runs);
}

/** The run of that ID as it moves; nothing when it ended before a while. */
export function useLiveRun(id: string): LiveRun | undefined {
  return useRuns().get(id);
}

export function useStatus() {
  return useQuery(useAgent().questions.status);
}

export function useDatabases() {
  return useQuery(useAgent().questions.databases);
}

/** A call that changes something; what it throws is a Problem, and the pages ask anew when it is done. */
export function useAct<In, Out>(call: (api: Api, input: In) => Promise<Out>) {
  const { api } = useAgent();
  const client = useQueryClient();
  return useMutation<Out, Problem, In>({
    mutationFn: async (input) => {
      try {
        return await call(api, input);
      } catch (e) {
        throw problemOf(e);
      }
    },
    onSuccess: () => client.invalidateQueries(),
  });
}

/** The present time, told anew every so often, for the ages on a page. */
export function useNow(every = 10_000): Date {
  const clock = useMemo(() => newClock(every), [every]);
  return useSyncExternalStore(clock.listen, clock.now);
}

function newClock(every: number) {
  let now = new Date();
  return {
    now: () => now,
    listen: (f: () => void) => {
      const timer = setInterval(() => {
        now = new Date();
        f();
      }, every);
      return () => clearInterval(timer);
    },
  };
}
