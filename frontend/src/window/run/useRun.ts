import { useQuery } from '@tanstack/react-query';
import { isOver, type LiveRun } from '../../state/live';
import { useAgent, useLiveRun } from '../../state/react';

/** A run as it moves, and when it has ended as it is kept. */
export function useRun(id: string): { run: LiveRun | undefined; failed: unknown; retry: () => void } {
  const { questions } = useAgent();
  const kept = useQuery(questions.run(id));
  const live = useLiveRun(id);
  // What was kept may have been asked for before the run ended, never after.
  const run = live && kept.data && isOver(kept.data) && !isOver(live) ? kept.data : (live ?? kept.data);
  return { run, failed: run ? undefined : kept.error, retry: () => void kept.refetch() };
}
