import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { RestoreCheck, RestoreRequest } from '../../api/api';
import { fakeApi, newWorld } from '../../api/fake';
import { runOf } from '../../api/fixtures';
import { checkOf } from '../../api/history';
import { Problem } from '../../api/problem';
import { restoredOf } from '../../api/sceneRuns';
import { show } from '../../test/show';
import { asOf, inOrder } from './When';

const path = '/restore/b-orders_prod-8';
const go = (name = 'Restore to new database') => screen.findByRole('button', { name });
const nameField = () => screen.findByRole('textbox', { name: 'New database name' });

test('proposes a new name, shows what was checked, and restores', async () => {
  const { api, router } = await show(path);
  const made = api.world.databases.find((d) => d.database === 'orders_prod')?.proven?.finished ?? '';
  const name = `orders_prod_${made.slice(0, 10).replaceAll('-', '')}`; // of its day, whatever day it is
  expect(await nameField()).toHaveValue('');
  await waitFor(async () => expect(await nameField()).toHaveValue(name));
  expect(screen.getByText('Ready, 1 warning')).toBeVisible();
  await userEvent.click(await go());
  await waitFor(() => expect(api.world.runs[0]).toMatchObject({ kind: 'restore', server: 'main', database: name }));
  const run = { ...api.world.runs[0]!, status: 'running', progress: { phase: 'load', item: 'public.orders', done: 5_000_000_000, total: 10_000_000_000 } };
  api.emitRun(run);
  expect(await screen.findByRole('heading', { name: `Restoring into ${name}.` })).toBeVisible();
  expect(router.state.location.search).toEqual({ run: run.id });
  const done = { ...runOf({ id: run.id, kind: 'restore', server: 'main', database: name, status: 'ok' }), result: restoredOf(name) };
  api.world.runs = [done];
  api.emitRun(done);
  expect(await screen.findByRole('heading', { name: `${name} is ready.` })).toBeVisible();
  expect(screen.getByText(`postgresql://deniz@127.0.0.1:5432/${name}`)).toBeVisible();
  expect(screen.getByText(/orders_prod was not touched/)).toBeVisible();
  expect(screen.getByRole('link', { name: 'Open database page' })).toHaveAttribute('href', `/databases/main/${name}`);
});

test('the connection string is copied', async () => {
  const user = userEvent.setup();
  const done = { ...runOf({ id: 'r1', kind: 'restore', database: 'x', status: 'ok' }), result: restoredOf('x') };
  await show(`${path}?run=r1`, fakeApi({}, newWorld({ runs: [done] })));
  await user.click(await screen.findByRole('button', { name: 'Copy' }));
  expect(await navigator.clipboard.readText()).toBe('postgresql://deniz@127.0.0.1:5432/x');
});

test('a name that is taken locks the button, which says why', async () => {
  await show(path);
  await go();
  const field = await nameField();
  await userEvent.clear(field);
  expect(await go('Enter a name')).toBeDisabled();
  await userEvent.type(field, 'billing');
  expect(await go('Mend first: Name')).toBeDisabled();
  expect(field).toHaveAccessibleDescription(/The database billing already exists/);
});

test('an answer that comes late is not taken for the newer name', async () => {
  const answers = new Map<string, (c: RestoreCheck) => void>();
  const asked: RestoreRequest[] = [];
  const api = fakeApi({ checkRestore: (_, r) => (asked.push(r), new Promise((done) => answers.set(r.database, done))) });
  await show(path, api);
  const field = await nameField();
  await userEvent.type(field, 'one');
  await waitFor(() => expect(answers.has('one')).toBe(true));
  await userEvent.type(field, 'two');
  await waitFor(() => expect(answers.has('onetwo')).toBe(true));
  answers.get('onetwo')!(checkOf(undefined, 'onetwo', undefined, []));
  expect(await go()).toBeEnabled();
  answers.get('one')!({ ok: false, database: 'one', checks: [{ name: 'space', status: 'failed' }] });
  answers.get('')!({ ok: false, database: 'late', checks: [{ name: 'rights', status: 'failed' }] });
  await new Promise((r) => setTimeout(r, 50));
  expect(await go()).toBeEnabled();
  expect(field).toHaveValue('onetwo');
  // Typing asks when it pauses, not at every key.
  expect(asked.map((r) => r.database)).toEqual(['', 'one', 'onetwo']);
});

test('overwriting is a way of its own, with the name typed', async () => {
  const { api } = await show(path);
  await go();
  expect(screen.queryByRole('checkbox')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Overwrite orders_prod instead…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Overwrite orders_prod?' });
  expect(dialog).toHaveTextContent('What came in since is lost');
  const choose = within(dialog).getByRole('button', { name: 'Choose to overwrite' });
  expect(choose).toBeDisabled();
  await userEvent.type(within(dialog).getByRole('textbox'), 'orders_prod');
  await userEvent.click(choose);
  const danger = await go('Overwrite orders_prod');
  expect(danger).toHaveClass('danger');
  let sent: RestoreRequest | undefined;
  const restore = api.restore.bind(api);
  api.restore = (b, r) => ((sent = r), restore(b, r));
  await userEvent.click(danger);
  await waitFor(() => expect(sent).toEqual({ server: 'main', database: 'orders_prod', overwrite: 'orders_prod' }));
});

test('back from the dangerous way', async () => {
  await show(path);
  await go();
  await userEvent.click(screen.getByRole('button', { name: 'Overwrite orders_prod instead…' }));
  await userEvent.type(within(await screen.findByRole('dialog')).getByRole('textbox'), 'orders_prod{Enter}');
  await userEvent.click(await screen.findByRole('button', { name: 'Use a new name instead' }));
  expect(await go()).toBeEnabled();
});

test('yesterday, in one click', async () => {
  let of: string | undefined;
  const { api } = await show(path);
  const restore = api.restore.bind(api);
  api.restore = (b, r) => ((of = b), restore(b, r));
  await go();
  await userEvent.click(screen.getByRole('button', { name: 'Yesterday' }));
  expect(screen.getByRole('button', { name: 'Yesterday' })).toHaveAttribute('aria-pressed', 'true');
  await userEvent.click(await go());
  await waitFor(() => expect(of).toBe('b-orders_prod-7'));
});

test('a restore that failed keeps its cause and leads back to the choice', async () => {
  const failed = runOf({ kind: 'restore', status: 'failed', problem: { code: 'engine.target_exists', params: { database: 'x' } } });
  delete failed.progress;
  await show(`${path}?run=r1`, fakeApi({}, newWorld({ runs: [failed] })));
  expect(await screen.findByRole('alert')).toHaveTextContent('The database x already exists');
  await userEvent.click(screen.getByRole('button', { name: 'Change and try again' }));
  expect(await go()).toBeEnabled();
});

test('checks that cannot be made say why and are made again', async () => {
  let broken = true;
  const api = fakeApi();
  const checkRestore = api.checkRestore.bind(api);
  api.checkRestore = (b, r) => (broken ? Promise.reject(new Problem({ code: 'agent.internal', status: 500 })) : checkRestore(b, r));
  await show(path, api);
  expect(await screen.findByRole('alert')).toHaveTextContent('Something went wrong inside');
  broken = false;
  await userEvent.click(screen.getByRole('button', { name: 'Check again' }));
  expect(await go()).toBeEnabled();
});

test('a backup that nobody knows', async () => {
  await show('/restore/nothing');
  expect(await screen.findByRole('alert')).toHaveTextContent('agent.no_backup');
});

test('in Turkish', async () => {
  await show(path, undefined, 'tr');
  expect(await screen.findByRole('heading', { level: 1, name: 'orders_prod yedeğini geri yükle' })).toBeVisible();
  expect(await go('Yeni veritabanına geri yükle')).toBeEnabled();
});

test('the newest proven backup comes first; a moment prefers a proven one', async () => {
  const all = await fakeApi().backups({ database: 'orders_prod' });
  expect(inOrder(all)[0]?.id).toBe('b-orders_prod-8');
  expect(inOrder(all)[1]?.id).toBe('b-orders_prod-9');
  const unproven = all.find((b) => b.id === 'b-orders_prod-5')!;
  expect(asOf(all, Date.parse(unproven.finished))?.id).toBe('b-orders_prod-4');
});
