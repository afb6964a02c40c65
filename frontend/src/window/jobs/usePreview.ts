import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Job, JobPreview } from '../../api/api';
import { problemOf, type Problem } from '../../api/problem';
import { useAgent } from '../../state/react';
import { lacking } from './schedule';
import { keepFields, type JobForm, type PlanOf } from './useJobForm';

/** So long nothing is typed before the agent is asked, in milliseconds. */
const pause = 300;
const plans: readonly PlanOf[] = ['schedule', 'full_schedule', 'prove'];

export interface Preview {
  /** What the agent answered last; nothing at first, and where the form has no answer. */
  data: JobPreview | undefined;
  /** What is shown is not of what stands in the form now. */
  old: boolean;
  /** The schedules are filled in, so that there is something to ask. */
  asked: boolean;
  problem: Problem | undefined;
  /** The field that the problem is about, where it is about one. */
  at: PlanOf | 'zone' | undefined;
  retry: () => void;
}

/**
 * What the job would do as it stands in the form. `known` is the name that its
 * backups carry: that of a job that is there, also while another is being typed.
 */
export function usePreview({ job, plans: filled }: JobForm, known: string | undefined): Preview {
  const { questions } = useAgent();
  const whole = plans.every((p) => !lacking(filled[p]));
  const asked = JSON.stringify(bare(job, known));
  const [settled] = useDebouncedValue(asked, pause);
  const answer = useQuery({ ...questions.jobPreview(JSON.parse(settled) as Job), enabled: whole, placeholderData: keepPreviousData });
  const problem = answer.error && settled === asked && whole ? problemOf(answer.error) : undefined;
  return {
    asked: whole,
    data: whole && !problem ? answer.data : undefined,
    old: settled !== asked || answer.isPlaceholderData || answer.isPending,
    problem, at: problem && placeOf(problem, job),
    retry: () => void answer.refetch(),
  };
}

/** All that an answer depends on, so that a word in another field asks nothing. */
export function bare(job: Job, name = 'new-job'): Job {
  const { type, schedule = '', full_schedule = '', prove = '', zone = '', emergency = '' } = job;
  const rule = Object.fromEntries(keepFields.map((f) => [f, job[f] ?? 0]));
  return { name, server: '', databases: [], paused: false, type, schedule, full_schedule, prove, zone, emergency, destinations: job.destinations.filter(Boolean), ...rule };
}

/** Which field a problem is about: the schedule that it quotes, or the zone. */
function placeOf({ code, params }: Problem, job: Job): Preview['at'] {
  if (code === 'schedule.unknown_zone') return 'zone';
  return code.startsWith('schedule.') ? plans.find((p) => job[p] === params?.spec) : undefined;
}
