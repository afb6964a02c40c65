import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { DatabaseStatus } from '../../api/api';
import { fakeApi, newWorld } from '../../api/fake';
import { runOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import type { Lang } from '../../format';
import { show } from '../../test/show';

const path = '/databases/main/orders_prod';

function showOne(over: Partial<DatabaseStatus> = {}, without: (keyof DatabaseStatus)[] = [], lang: Lang = 'en') {
  const world = newWorld();
  const [first] = world.databases;
  Object.assign(first!, over);
  for (const key of without) delete first![key];
  return show(path, fakeApi({}, world), lang);
}

/** Waits until what is known of it is there, not only its name. */
const title = async () => {
  await screen.findByText('Engine', { selector: 'dt' });
  return screen.getByRole('heading', { level: 1, name: 'orders_prod' });
};
const backups = () => screen.findByRole('table');

test('how it stands, why, and its backups with their proofs, newest first', async () => {
  await showOne();
  await title();
  expect(screen.getByText(/^Newest backup .* ago, last proven/)).toBeVisible();
  const rows = within(await backups()).getAllByRole('row').slice(1);
  expect(rows).toHaveLength(9);
  expect(rows[0]).toHaveTextContent('Not proven');
  expect(rows[1]).toHaveTextContent('18,104,377 rows equal');
  expect(screen.getByRole('button', { name: 'Back up now' })).toBeEnabled();
});

test('a backup opens in a drawer and is proved there', async () => {
  const { api, router } = await showOne();
  await title();
  await userEvent.click(within(await backups()).getAllByRole('link')[2]!);
  const drawer = await screen.findByRole('dialog');
  expect(within(drawer).getByText('Rows equal those of the database')).toBeVisible();
  expect(within(drawer).getByText('17.8 GB, 34 tables')).toBeInTheDocument();
  await userEvent.click(within(drawer).getByRole('button', { name: 'Prove now' }));
  await waitFor(() => expect(api.world.runs[0]).toMatchObject({ kind: 'verify', backup: 'b-orders_prod-7' }));
  await userEvent.keyboard('{Escape}');
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(router.state.location.search).toEqual({});
});

test('the plot is read by arrow keys, and there is a table behind it', async () => {
  await showOne();
  await title();
  const plot = screen.getByRole('group', { name: /^Size of orders_prod at each of its last 9 backups/ });
  const marks = within(plot).getAllByRole('img');
  marks.at(-1)!.focus();
  await userEvent.keyboard('{ArrowLeft}{ArrowLeft}');
  expect(marks.at(-3)).toHaveFocus();
  await userEvent.keyboard('{Home}');
  expect(marks[0]).toHaveFocus();
  expect(plot.querySelectorAll('[tabindex="0"]')).toHaveLength(1);
  await userEvent.click(screen.getByRole('button', { name: 'As a table' }));
  expect(within(screen.getByRole('region', { name: 'Size over time' })).getAllByRole('row')).toHaveLength(10);
});

test('while a run goes on its progress stands there, and nothing begins beside it', async () => {
  const world = newWorld({ runs: [runOf()] });
  await show(path, fakeApi({}, world));
  expect(await screen.findByRole('heading', { name: 'Backing up orders_prod.' })).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Back up now' })).toBeNull();
});

test('dropped meanwhile: it says so, and its backups can be restored', async () => {
  await showOne({ present: false, readable: false, state: 'attention' });
  await title();
  expect(screen.getByText(/It is no longer on main/)).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Back up now' })).toBeNull();
  expect(screen.getByRole('link', { name: 'Restore…' })).toHaveClass('pri');
});

test('not even listed any more, but there are backups', async () => {
  const world = newWorld();
  const all = await fakeApi({}, world).backups({ database: 'orders_prod' });
  world.databases = world.databases.slice(1);
  await show(path, fakeApi({ backups: () => Promise.resolve(all) }, world));
  await title();
  expect(screen.getByText(/It is no longer on main/)).toBeVisible();
});

test('without backups: how to begin', async () => {
  const { api } = await showOne({ state: 'not_protected', concern: 'no_backup', backups: 0 }, ['last', 'proven']);
  expect(await screen.findByRole('heading', { name: 'No backup of orders_prod yet' })).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Back up now' }));
  await waitFor(() => expect(api.world.runs[0]).toMatchObject({ kind: 'backup', database: 'orders_prod' }));
});

test.each([
  ['disproven', 'Make a full backup and prove it'],
  ['unproven', 'Prove now'],
  ['proof_old', 'Prove now'],
] as const)('%s has its own remedy', async (concern, button) => {
  await showOne({ state: 'attention', concern });
  await title();
  expect(screen.getByRole('button', { name: button })).toHaveClass('pri');
});

test('a login that was refused is asked for anew', async () => {
  await showOne({ state: 'attention', concern: 'failed', problem: { code: 'engine.auth_failed', params: { address: 'db', user: 'rahat' } } });
  expect(await screen.findByRole('alert')).toHaveTextContent('db refuses the password of rahat.');
  await userEvent.click(screen.getByRole('button', { name: 'Enter new password' }));
  expect(await screen.findByRole('dialog')).toBeVisible();
});

test('nobody knows it', async () => {
  await show('/databases/main/nothing');
  expect(await screen.findByText('There is no database nothing on main')).toBeVisible();
});

test('what went wrong on the way is shown and asked again', async () => {
  let broken = true;
  const api = fakeApi();
  const answer = api.backups.bind(api);
  api.backups = (q) => (broken ? Promise.reject(new Problem({ code: 'agent.internal', status: 500 })) : answer(q));
  await show(path, api);
  expect(await screen.findByRole('alert')).toHaveTextContent('agent.internal');
  broken = false;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await title();
});

test('names in any script, and Turkish', async () => {
  const world = newWorld();
  world.databases[0] = { ...world.databases[0]!, database: 'müşteri/データ #1', last: { ...world.databases[0]!.last!, database: 'müşteri/データ #1' } };
  const { router } = await show('/', fakeApi({}, world), 'tr');
  await router.navigate({ to: '/databases/$server/$database', params: { server: 'main', database: 'müşteri/データ #1' } });
  await screen.findByText('Motor', { selector: 'dt' });
  expect(screen.getByRole('heading', { level: 1, name: 'müşteri/データ #1' })).toBeVisible();
  expect(screen.getByRole('button', { name: 'Şimdi yedekle' })).toBeVisible();
});

test('an engine that counts no rows is not said to have none', async () => {
  const world = newWorld();
  const [first] = world.databases;
  first!.proven = { ...first!.proven!, proof: { ...first!.proven!.proof!, rows: 0 } };
  await show(path, fakeApi({}, world));
  await title();
  expect(screen.queryByText(/^0 rows/)).toBeNull();
  expect(screen.getAllByText('Proven').length).toBeGreaterThan(0);
});
