import { expect, test } from 'vitest';
import { runOf } from '../../api/fixtures';
import type { LiveRun } from '../../state/live';
import { stepsOf } from './steps';

const at = (phase: string, over: Partial<LiveRun> = {}) => stepsOf({ ...runOf({ progress: { phase, done: 0, total: 0 } }), ...over }).map((s) => `${s.label.replace('run.step.', '')} ${s.state}`);

test('a backup is read, finished, and then proved if that was asked for', () => {
  expect(at('dump')).toEqual(['dump now', 'commit next']);
  expect(at('commit')).toEqual(['dump done', 'commit now']);
  expect(at('load')).toEqual(['dump done', 'commit done', 'proof now', 'compare next']);
  expect(at('compare')).toEqual(['dump done', 'commit done', 'proof done', 'compare now']);
});

test('a proof begins with connecting, which is no second beginning', () => {
  expect(at('connect')).toEqual(['dump now', 'commit next']);
  expect(at('connect', { made: true })).toEqual(['dump done', 'commit done', 'proof now', 'compare next']);
});

test('a restore and a proof by itself', () => {
  expect(at('index', { kind: 'restore' })).toEqual(['load done', 'index now']);
  expect(at('schema', { kind: 'verify' })).toEqual(['proof now', 'compare next']);
});

test('a file is written in one step, with its indexes', () => {
  const run: LiveRun = { ...runOf({ kind: 'restore', progress: { phase: 'load', done: 0, total: 0 } }) };
  expect(stepsOf(run, 'sqlite')).toEqual([{ label: 'run.step.file', state: 'now' }]);
  expect(stepsOf(run, 'postgres')).toHaveLength(2);
});
