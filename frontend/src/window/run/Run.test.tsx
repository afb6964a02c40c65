import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { Run } from '../../api/api';
import { fakeApi, newWorld } from '../../api/fake';
import { at, proofOf, resultOf, runOf } from '../../api/fixtures';
import { show } from '../../test/show';

async function showRun(over: Partial<Run>, lang: 'en' | 'tr' = 'en') {
  const run = runOf(over);
  if (run.status !== 'running') delete run.progress;
  const world = newWorld({ runs: [run] });
  return show('/runs/r1', fakeApi({}, world), lang);
}

test('says what is done now, how much of it, and what cancelling costs', async () => {
  await showRun({});
  const card = await screen.findByRole('region', { name: 'Backup: orders_prod' });
  expect(within(card).getByRole('heading', { name: 'Backing up orders_prod.' })).toBeVisible();
  expect(within(card).getByText('Reading public.order_items')).toBeVisible();
  expect(within(card).getByText('10.7 GB of 18.4 GB')).toBeVisible();
  expect(within(card).getByRole('progressbar')).toHaveAttribute('aria-valuetext', '58 %');
  expect(within(card).getByText(/This backup is not kept/)).toBeVisible();
});

test('tells readers of the screen each quarter, not every tick', async () => {
  const { api } = await showRun({});
  const said = await screen.findByText('Reading the database, 50 %');
  api.emitRun(runOf({ progress: { phase: 'dump', item: 'public.orders', done: 13_000_000_000, total: 18_400_000_000 } }));
  expect(await screen.findByText('13.0 GB of 18.4 GB')).toBeVisible();
  expect(said).toHaveTextContent('Reading the database, 50 %');
  api.emitRun(runOf({ progress: { phase: 'dump', done: 14_000_000_000, total: 18_400_000_000 } }));
  await waitFor(() => expect(said).toHaveTextContent('Reading the database, 75 %'));
});

test('speed and time left are not shown until they are known', async () => {
  const clock = vi.spyOn(Date, 'now').mockReturnValue(1_000_000);
  const { api } = await showRun({});
  const card = await screen.findByRole('region', { name: 'Backup: orders_prod' });
  expect(within(card).queryByText(/left|\/s/)).toBeNull();
  clock.mockReturnValue(1_010_000);
  api.emitRun(runOf({ progress: { phase: 'dump', done: 11_700_000_000, total: 18_400_000_000 } }));
  expect(await within(card).findByText('100 MB/s')).toBeVisible();
  expect(within(card).getByText('1 min 10 s left')).toBeVisible();
  clock.mockRestore();
});

test('cancels, and shows how it ended', async () => {
  await showRun({});
  await userEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
  expect(await screen.findByRole('heading', { name: 'The run was cancelled' })).toBeVisible();
});

test('after a backup its proof, then the result with its rows', async () => {
  const { api } = await showRun({ progress: { phase: 'commit', done: 0, total: 0 } });
  await screen.findByRole('heading', { name: 'Backing up orders_prod.' });
  api.emitRun(runOf({ progress: { phase: 'connect', done: 0, total: 0 } }));
  expect(await screen.findByRole('heading', { name: 'Proving the backup of orders_prod.' })).toBeVisible();
  expect(screen.getByText(/The backup stays, without this proof/)).toBeVisible();
  const done = { ...runOf({}), status: 'ok', result: resultOf('orders_prod') };
  api.world.runs = [done];
  api.emitRun(done);
  expect(await screen.findByRole('heading', { name: 'orders_prod is backed up and proven.' })).toBeVisible();
  expect(screen.getByText(/18,104,377 rows equal/)).toBeVisible();
  expect(screen.getByRole('region', { name: 'Certificate of proof' })).toBeVisible();
});

test('a removal tells what went and how much room it gave back', async () => {
  await showRun({ kind: 'prune', status: 'ok', destination: 'disk', result: { run: 'r1', status: 'ok', destination: 'disk', removed: ['a', 'b'], kept: 7, before_bytes: 6_500_000_000, after_bytes: 6_000_000_000, freed_bytes: 500_000_000, waiting_bytes: 39_000_000, seconds: 2 } });
  expect(await screen.findByText(/2 backups were removed, 7 kept\. 500 MB freed: 6\.50 GB before, 6\.00 GB now\. 39\.0 MB more go with a later clean-up/)).toBeVisible();
});

test('a queue that is paused says so and can be resumed from here', async () => {
  const run = runOf({ status: 'queued' });
  delete run.progress;
  const world = newWorld({ runs: [run] });
  world.status.paused = true;
  const { api } = await show('/runs/r1', fakeApi({}, world));
  expect(await screen.findByText(/Backups are paused/)).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Resume backups' }));
  await waitFor(() => expect(api.world.status.paused).toBe(false));
  expect(await screen.findByText('It begins when what is before it has ended.')).toBeVisible();
});

test('a failure has its cause, its remedy and its code', async () => {
  await showRun({ status: 'failed', problem: { code: 'engine.auth_failed', params: { address: 'db:5432', user: 'rahat' } } });
  const card = await screen.findByRole('alert');
  expect(card).toHaveTextContent('db:5432 refuses the password of rahat.');
  expect(card).toHaveTextContent('engine.auth_failed');
  expect(screen.getByRole('button', { name: 'Back up again' })).toBeEnabled();
});

test('a proof that failed shows which check did', async () => {
  const result = { ...proofOf('b1', 0), status: 'failed', checks: [{ name: 'row_checksums', status: 'failed' as const, detail: 'public.orders: rows differ', seconds: 1 }] };
  await showRun({ kind: 'verify', status: 'failed', problem: { code: 'agent.proof_failed', params: { backup: 'b1', checks: 'row_checksums' } }, result });
  expect(await screen.findByText('public.orders: rows differ')).toBeVisible();
});

test('a run that nobody knows', async () => {
  await show('/runs/r9');
  expect(await screen.findByRole('alert')).toHaveTextContent('agent.no_run');
});

test('in Turkish', async () => {
  await showRun({}, 'tr');
  expect(await screen.findByRole('heading', { name: 'orders_prod yedekleniyor.' })).toBeVisible();
  expect(screen.getByText('10,7 GB / 18,4 GB')).toBeVisible();
});

test('a backup is paused after the warning, and goes on', async () => {
  const world = newWorld({ runs: [runOf()] });
  const { api } = await show('/runs/r1', fakeApi({}, world));
  await userEvent.click(await screen.findByRole('button', { name: 'Pause' }));
  const dialog = await screen.findByRole('dialog', { name: 'Pause the backup of orders_prod?' });
  expect(dialog).toHaveTextContent('Its snapshot stays open on the server');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Pause' }));
  expect(await screen.findByText('Backup of orders_prod stands still.')).toBeVisible();
  expect(api.world.runs[0]?.held).toBe(true);
  await userEvent.click(screen.getByRole('button', { name: 'Go on' }));
  expect(await screen.findByText('Backing up orders_prod.')).toBeVisible();
});

test('a run that waits for another attempt says why and when, and can begin at once', async () => {
  const retryRun = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  const run = runOf({ status: 'queued', attempt: 1, attempts: 3, trigger: 'schedule', job: 'nightly', retry_at: at(4, Date.now()), problem: { code: 'engine.server_lost' } });
  await show('/runs/r1', fakeApi({ retryRun }, newWorld({ runs: [run] })));
  expect(await screen.findByText('Attempt 1 of 3 failed.')).toBeVisible();
  expect(screen.getByText('By schedule')).toBeVisible();
  expect(screen.getByRole('link', { name: 'nightly' })).toHaveAttribute('href', '/jobs/nightly');
  await userEvent.click(screen.getByRole('button', { name: 'Try now' }));
  expect(retryRun).toHaveBeenCalledWith('r1');
});

test('a dead run is tried again or dismissed; its scripts tell what they wrote', async () => {
  const run = runOf({ status: 'failed', dead: true, finished: at(-1), problem: { code: 'engine.server_lost' }, scripts: [{ place: 'after', number: 1, status: 'failed', seconds: 1, output: 'no such host' }] });
  const { api, router } = await show('/runs/r1', fakeApi({}, newWorld({ runs: [run] })));
  expect(await screen.findByText('no such host')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
  await waitFor(() => expect(api.world.runs[0]?.dead).toBe(false));
  act(() => api.emitRun(run));
  await userEvent.click(await screen.findByRole('button', { name: 'Try again' }));
  await waitFor(() => expect(router.state.location.pathname).toBe('/runs/r2'));
});
