import { QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Databases, Event, Run, Signal, StatusReport } from '../api/api';
import { fakeApi, newWorld } from '../api/fake';
import { runOf, statusOf } from '../api/fixtures';
import { connect } from './react';
import { newQueryClient } from './queries';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const wait = () => vi.advanceTimersByTimeAsync(200);

/** A program with its dashboard's question open, so that what is out of date is asked anew. */
async function begin() {
  const world = newWorld({ runs: [] });
  const status = vi.fn(() => Promise.resolve({ ...world.status, active: world.runs }));
  const api = fakeApi({ status }, world);
  const client = newQueryClient();
  const { live, questions } = connect(api, client);
  const opened: string[] = [];
  const stop = live.start((route) => opened.push(route));
  const off = new QueryObserver<StatusReport>(client, { queryKey: ['status'], queryFn: questions.status.queryFn as () => Promise<StatusReport> }).subscribe(() => undefined);
  await wait();
  return { api, world, live, status, opened, end: () => { off(); stop(); } };
}

const event = (seq: number, run?: Run): Signal => {
  const e: Event = { seq, time: new Date().toISOString(), kind: run ? 'run' : 'catalog', ...(run && { run }) };
  return { kind: 'event', event: e };
};
const progress = (done: number): Run => runOf({ progress: { phase: 'dump', item: 'orders', done, total: 100 } });

test('the snapshot comes first, events change it', async () => {
  const { api, live, status, end } = await begin();
  expect(status).toHaveBeenCalledTimes(1);
  expect(live.snapshot().link).toEqual({ state: 'up' });
  api.emit(event(11, progress(10)));
  expect(live.snapshot().runs.get('r1')?.progress?.done).toBe(10);
  expect(status).toHaveBeenCalledTimes(1);
  end();
});

test('an event that the snapshot holds already changes nothing', async () => {
  const { api, live, end } = await begin();
  api.emit(event(10, progress(10)));
  expect(live.snapshot().runs.size).toBe(0);
  end();
});

test('after a gap everything is asked anew', async () => {
  const { api, world, live, status, end } = await begin();
  world.runs = [progress(30)];
  world.status = statusOf({ seq: 14 });
  api.emit(event(13, progress(20)));
  await wait();
  expect(status).toHaveBeenCalledTimes(2);
  expect(live.snapshot().runs.get('r1')?.progress?.done).toBe(30);
  api.emit(event(15, progress(40)));
  expect(live.snapshot().runs.get('r1')?.progress?.done).toBe(40);
  expect(status).toHaveBeenCalledTimes(2);
  end();
});

test('what happens while the snapshot is under way is not undone by it', async () => {
  const { api, world, live, status, end } = await begin();
  let answer: (() => void) | undefined;
  status.mockImplementationOnce(() => new Promise((resolve) => { answer = () => resolve({ ...world.status, seq: 20, active: [progress(10)] }); }));
  api.emit({ kind: 'event', event: { seq: 20, time: '', kind: 'reset' } });
  await wait();
  api.emit(event(21, progress(90)));
  answer?.();
  await wait();
  expect(live.snapshot().runs.get('r1')?.progress?.done).toBe(90);
  end();
});

test('what happens while a first answer is under way has it asked for again', async () => {
  const world = newWorld({ runs: [] });
  let answer: ((d: Databases) => void) | undefined;
  const databases = vi.fn(() => new Promise<Databases>((resolve) => { answer = resolve; }));
  const api = fakeApi({ databases }, world);
  const client = newQueryClient();
  const { live, questions } = connect(api, client);
  const stop = live.start();
  const offs = [
    new QueryObserver<StatusReport>(client, { queryKey: ['status'], queryFn: questions.status.queryFn as () => Promise<StatusReport> }),
    new QueryObserver<Databases>(client, { queryKey: ['databases'], queryFn: questions.databases.queryFn as () => Promise<Databases> }),
  ].map((o) => o.subscribe(() => undefined));
  await wait();
  api.emit(event(11));
  await wait();
  expect(databases).toHaveBeenCalledTimes(1);
  answer?.({ databases: world.databases, looking: true, as_of: '' });
  await wait();
  expect(databases).toHaveBeenCalledTimes(2);
  answer?.({ databases: world.databases, looking: false, as_of: '' });
  await wait();
  expect(databases).toHaveBeenCalledTimes(2);
  offs.forEach((off) => off());
  stop();
});

test('events of the agent before a restart are not taken for those of the next', async () => {
  const { api, world, live, end } = await begin();
  api.emit(event(11, progress(10)));
  world.status = statusOf({ seq: 1, epoch: 'e2' });
  world.runs = [];
  api.emit({ kind: 'event', event: { seq: 1, time: '', kind: 'reset' } });
  await wait();
  expect(live.snapshot().runs.size).toBe(0);
  end();
});

test('a lost connection is told with its time, tried again, and forgotten', async () => {
  const { api, live, status, end } = await begin();
  const before = status.mock.calls.length;
  api.emit({ kind: 'link', up: false, problem: { code: 'window.agent_stopped' } });
  const { link } = live.snapshot();
  expect(link).toMatchObject({ state: 'lost', problem: { code: 'window.agent_stopped' } });
  await vi.advanceTimersByTimeAsync(1_000);
  api.emit({ kind: 'link', up: false });
  expect(live.snapshot().link).toMatchObject({ since: (link as { since: Date }).since });
  await vi.advanceTimersByTimeAsync(4_000);
  expect(status.mock.calls.length).toBeGreaterThan(before);
  expect(live.snapshot().link).toEqual({ state: 'up' });
  end();
});

test('a run that ended well stays a moment; one that failed stays until the next of its database', async () => {
  const { api, live, end } = await begin();
  api.emit(event(11, runOf({ status: 'ok' })));
  await vi.advanceTimersByTimeAsync(9_000);
  expect(live.snapshot().runs.has('r1')).toBe(true);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(live.snapshot().runs.has('r1')).toBe(false);
  api.emit(event(12, runOf({ id: 'r2', status: 'failed' })));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(live.snapshot().runs.has('r2')).toBe(true);
  api.emit(event(13, runOf({ id: 'r3', status: 'queued' })));
  expect([...live.snapshot().runs.keys()]).toEqual(['r3']);
  end();
});

test('many ends in a row ask only once', async () => {
  const { api, status, end } = await begin();
  for (let i = 0; i < 50; i++) api.emit(event(11 + i, runOf({ id: `r${i}`, database: `d${i}`, status: 'ok' })));
  await wait();
  expect(status).toHaveBeenCalledTimes(2);
  end();
});

test('speed and time left are told once they are known', async () => {
  const { api, live, end } = await begin();
  api.emit(event(11, runOf({ progress: { phase: 'dump', done: 1_000_000, total: 10_000_000 } })));
  expect(live.snapshot().runs.get('r1')?.secondsLeft).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2_000);
  api.emit(event(12, runOf({ progress: { phase: 'dump', done: 3_000_000, total: 10_000_000 } })));
  expect(live.snapshot().runs.get('r1')).toMatchObject({ bytesPerSecond: 1_000_000, secondsLeft: 7 });
  end();
});

test('a page that somebody outside asks for is opened', async () => {
  const { api, opened, end } = await begin();
  api.emit({ kind: 'open', route: '/databases/main/orders' });
  expect(opened).toEqual(['/databases/main/orders']);
  end();
});

test('what is told of an ended run after it was put away does not bring it back', async () => {
  const { api, live, end } = await begin();
  const failed = runOf({ status: 'failed', dead: true });
  api.emit(event(11, failed));
  expect(live.snapshot().runs.has('r1')).toBe(true);
  live.dismiss('r1');
  api.emit(event(12, { ...failed, dead: false }));
  expect(live.snapshot().runs.has('r1')).toBe(false);
  api.emit(event(13, progress(10)));
  api.emit(event(14, failed));
  expect(live.snapshot().runs.get('r1')?.status).toBe('failed');
  end();
});
