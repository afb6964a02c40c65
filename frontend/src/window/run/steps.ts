import type { Key } from '../../i18n';
import type { LiveRun } from '../../state/live';
import { isProving } from '../../ui/useRunWords';

/** One stage of a run, in the order they come. */
export interface Step {
  label: Key;
  state: 'done' | 'now' | 'next';
}

interface Stage {
  label: Key;
  phases: readonly string[];
}

const made: readonly Stage[] = [
  { label: 'run.step.dump', phases: ['connect', 'dump'] },
  { label: 'run.step.commit', phases: ['commit'] },
];
const proof: readonly Stage[] = [
  { label: 'run.step.proof', phases: ['connect', 'read', 'schema', 'load', 'index'] },
  { label: 'run.step.compare', phases: ['compare'] },
];
const restored: readonly Stage[] = [
  { label: 'run.step.load', phases: ['connect', 'schema', 'load'] },
  { label: 'run.step.index', phases: ['index'] },
];

/** A file is written whole, with its indexes. */
const restoredFile: readonly Stage[] = [{ label: 'run.step.file', phases: ['connect', 'schema', 'load', 'index'] }];

/** The stages of a run and where it stands. Whether a backup will be proved is known only when its proof has begun. */
export function stepsOf(run: LiveRun, engine?: string): Step[] {
  const proving = isProving(run);
  const phase = run.progress?.phase ?? 'connect';
  const before = run.kind === 'backup' && proving ? made : [];
  const into = engine === 'sqlite' ? restoredFile : restored;
  const stages = proving ? proof : run.kind === 'backup' ? made : run.kind === 'restore' ? into : [];
  const at = stages.findIndex((s) => s.phases.includes(phase));
  return [
    ...before.map((s): Step => ({ label: s.label, state: 'done' })),
    ...stages.map((s, i): Step => ({ label: s.label, state: i < at ? 'done' : i === at ? 'now' : 'next' })),
  ];
}
