import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { fakeApi, newWorld } from '../../api/fake';
import { at, resultOf, runOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';

const now = Date.now();

test('what was done, with how it ended', async () => {
  const runs = [
    runOf({ id: 'a', status: 'ok', database: 'shop', started: at(-10, now), finished: at(-8, now), result: resultOf('shop') }),
    runOf({ id: 'b', status: 'failed', database: 'crm', started: at(-20, now), finished: at(-19, now), problem: { code: 'engine.server_lost' } }),
  ];
  await show('/activity', fakeApi({}, newWorld({ runs })));
  const shop = (await screen.findByText('shop')).closest('tr')!;
  expect(shop).toHaveTextContent('10 min ago');
  expect(shop).toHaveTextContent('2 min');
  expect(shop).toHaveTextContent('11.8 MB');
  expect(screen.getByText('crm').closest('tr')).toHaveTextContent('The connection to the server broke');
});

test('a run that begins meanwhile comes first and moves', async () => {
  const { api } = await show('/activity', fakeApi({}, newWorld({ runs: [runOf({ id: 'a', status: 'ok', database: 'shop' })] })), 'tr');
  await screen.findByText('shop');
  act(() => api.emitRun(runOf({ id: 'n' })));
  const [, first] = screen.getAllByRole('row');
  expect(first).toHaveTextContent('orders_prod');
  expect(within(first!).getByRole('progressbar')).toHaveAttribute('aria-valuetext', '%58');
});

test('nothing yet', async () => {
  await show('/activity');
  expect(await screen.findByRole('heading', { name: 'Nothing was done yet' })).toBeVisible();
});

test('a failed question', async () => {
  await show('/activity', fakeApi({ runs: () => Promise.reject(new Problem({ code: 'catalog.damaged', detail: 'x' })) }));
  expect(await screen.findByRole('alert')).toHaveTextContent('catalog.damaged');
});

test('runs that failed for good stand above all until somebody has seen to them', async () => {
  const run = runOf({ status: 'failed', dead: true, finished: at(-1), problem: { code: 'engine.server_lost' } });
  await show('/activity', fakeApi({}, newWorld({ runs: [run] })));
  expect(await screen.findByRole('heading', { name: 'Failed for good' })).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Dismiss orders_prod' }));
  await waitFor(() => expect(screen.queryByRole('heading', { name: 'Failed for good' })).toBeNull());
});

test('runs that rest say why, and go on from here', async () => {
  const retrying = runOf({ id: 'a', status: 'queued', database: 'billing', attempt: 1, attempts: 5, retry_at: new Date(Date.now() + 60_000).toISOString(), problem: { code: 'engine.server_lost' } });
  const { api } = await show('/activity', fakeApi({}, newWorld({ runs: [retrying, runOf({ id: 'b', held: true })] })));
  const row = (await screen.findByText('billing')).closest('tr')!;
  expect(row).toHaveTextContent(/tries again at (\w+ )?\d\d:\d\d, attempt 2 of 5/);
  expect(row.querySelector('td[title]')).toHaveAttribute('title', expect.stringMatching(/connection to the server broke/i));
  expect(screen.getByText('orders_prod').closest('tr')).toHaveTextContent('58 % paused');
  expect(screen.queryByText('1', { selector: '.count span' })).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Go on orders_prod' }));
  await waitFor(() => expect(api.world.runs.find((r) => r.id === 'b')?.held).toBe(false));
  expect(await screen.findByText('1', { selector: '.count span' })).toBeInTheDocument();
  await userEvent.click(screen.getByRole('button', { name: 'Try now billing' }));
  await waitFor(() => expect(api.world.runs.find((r) => r.id === 'a')).not.toHaveProperty('retry_at'));
});
