import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { DatabaseStatus } from '../../api/api';
import { fakeApi, newWorld } from '../../api/fake';
import { backupOf, foundDatabase, jobOf, resultOf, runOf, sevenDatabases, statusOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';

const never = () => new Promise<never>(() => undefined);
const nobody = () => Promise.reject(new Problem({ code: 'control.unreachable' }));
const title = (words: string) => screen.findByRole('heading', { level: 1, name: words });
const rowOf = async (name: string) => (await screen.findByText(name)).closest('tr')!;

test('the state is the title, and every database has a row', async () => {
  await show();
  await title('All 7 databases protected.');
  expect(await screen.findAllByRole('row')).toHaveLength(8);
  expect(within(await rowOf('billing')).getByText('12 min ago')).toBeVisible();
});

test('in Turkish', async () => {
  await show('/', undefined, 'tr');
  await title('7 veritabanının hepsi korunuyor.');
  expect(document.documentElement.lang).toBe('tr');
  expect(await screen.findByRole('button', { name: 'Şimdi yedekle: billing' })).toBeEnabled();
});

test('while nothing is known, bones show after a moment, and readers hear what goes on', async () => {
  await show('/', fakeApi({ status: never, databases: never }));
  expect(document.querySelector('.sk')).toBeNull();
  await waitFor(() => expect(document.querySelector('.sk')).not.toBeNull());
  expect(screen.getByRole('status')).toHaveTextContent('Databases are being looked up');
});

test('what failed is told with its remedy, and can be tried again', async () => {
  const databases = vi.fn(() => Promise.reject(new Problem({ code: 'catalog.damaged', detail: 'x' })));
  const { api } = await show('/', fakeApi({ databases }));
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('catalog.damaged');
  Object.assign(api, { databases: () => fakeApi().databases() });
  await userEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('billing')).toBeVisible();
});

test('a lost agent: states are grey and as of then, nothing can be started, and it comes back by itself', async () => {
  const { api } = await show();
  await title('All 7 databases protected.');
  const before = { ...api };
  Object.assign(api, { status: nobody, databases: nobody });
  act(() => api.emit({ kind: 'link', up: false }));
  expect(await screen.findByRole('alert')).toHaveTextContent('The agent does not answer.');
  expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent(/^State unknown since \d\d:\d\d:\d\d\.$/);
  expect(screen.getByText('Then: All 7 databases protected.')).toBeVisible();
  expect(screen.getByText(/^as of \d\d:\d\d:\d\d$/)).toBeVisible();
  expect(screen.getByRole('button', { name: 'Back up now: billing' })).toBeDisabled();
  expect(screen.getByRole('button', { name: 'Back up all now' })).toBeDisabled();
  Object.assign(api, before);
  await userEvent.click(screen.getByRole('button', { name: 'Try now' }));
  await title('All 7 databases protected.');
  expect(screen.queryByRole('alert')).toBeNull();
});

test('an agent that was stopped on request is started by the person', async () => {
  const { api } = await show();
  await title('All 7 databases protected.');
  Object.assign(api, { status: nobody });
  act(() => api.emit({ kind: 'link', up: false, problem: { code: 'window.agent_stopped' } }));
  expect(await screen.findByRole('alert')).toHaveTextContent('The agent was stopped. No backups are made until it runs again.');
  expect(screen.getByRole('button', { name: 'Start the agent' })).toBeEnabled();
});

test('Back up now starts a proven backup to where the last one went', async () => {
  const startBackup = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  const world = newWorld();
  world.destinations.unshift({ name: 'nas', url: 'file:///nas' });
  await show('/', fakeApi({ startBackup }, world));
  await userEvent.click(await screen.findByRole('button', { name: 'Back up now: billing' }));
  expect(startBackup).toHaveBeenCalledExactlyOnceWith({ server: 'main', databases: ['billing'], destination: 'disk', verify: 'full' });
});

test('a refusal is told on the page', async () => {
  const startBackup = () => Promise.reject(new Problem({ code: 'agent.stopping' }));
  await show('/', fakeApi({ startBackup }));
  await userEvent.click(await screen.findByRole('button', { name: 'Back up now: billing' }));
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('The agent is shutting down');
  await userEvent.click(within(alert).getByRole('button', { name: 'Close' }));
  expect(screen.queryByRole('alert')).toBeNull();
});

test('a run is followed, cancelled and its end shown', async () => {
  const cancelRun = vi.fn((id: string) => Promise.resolve(runOf({ id })));
  const { api } = await show('/', fakeApi({ cancelRun }));
  const row = await rowOf('orders_prod');
  act(() => api.emitRun(runOf()));
  expect(screen.getByText('Reading public.order_items', { selector: 'span' })).toBeVisible();
  expect(within(row).getByRole('progressbar')).toHaveAttribute('aria-valuenow', '58');
  expect(within(row).queryByRole('button', { name: /Back up now/ })).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  expect(cancelRun).toHaveBeenCalledWith('r1');
  act(() => api.emitRun({ ...runOf(), status: 'ok', result: resultOf('orders_prod') }));
  expect(screen.getByText('Backed up and proven: 18,104,377 rows equal')).toBeVisible();
  expect(within(row).queryByRole('progressbar')).toBeNull();
});

test('what the remedy would do and is done already is not offered', async () => {
  const world = newWorld();
  world.status.concerns = [{ kind: 'unproven', server: 'main', database: 'billing', text: { code: 'x' } }];
  const { api } = await show('/', fakeApi({}, world));
  const button = await screen.findByRole('button', { name: 'Prove billing now' });
  act(() => api.emitRun(runOf({ kind: 'verify', database: 'billing' })));
  expect(button).not.toBeInTheDocument();
});

test('a run that failed says why, until it is closed', async () => {
  const { api } = await show();
  await rowOf('orders_prod');
  act(() => api.emitRun(runOf({ status: 'failed', problem: { code: 'engine.server_lost' } })));
  const alert = screen.getByRole('alert');
  expect(alert).toHaveTextContent('The connection to the server broke');
  await userEvent.click(within(alert).getByRole('button', { name: 'Close' }));
  expect(screen.queryByRole('alert')).toBeNull();
});

test('a server that refuses the login: its new password is tried and the backup made at once', async () => {
  const world = newWorld();
  const crm = world.databases.find((d) => d.database === 'crm')!;
  const problem = { code: 'engine.auth_failed', params: { address: 'office:1433', user: 'rahat' } };
  world.servers.push({ name: 'office', engine: 'postgres', address: 'office:1433', user: 'rahat' });
  world.status = statusOf({ state: 'attention', headline: { code: 'state.failed', params: { database: 'crm', server: 'office' } }, concerns: [{ kind: 'failed', server: 'office', database: 'crm', problem, text: { code: 'x' } }] });
  const editServer = vi.fn((_: string, s: { name: string; engine: 'postgres' | 'sqlite'; address: string }) => Promise.resolve(s));
  const startBackup = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  await show('/', fakeApi({ editServer, startBackup }, world));
  await title('The last backup of crm on office failed.');
  expect(screen.getByText('office:1433 refuses the password of rahat.')).toBeVisible();
  await userEvent.click(await screen.findByRole('button', { name: 'Enter new password' }));
  await userEvent.type(await screen.findByLabelText('Password'), 'moonrise');
  await userEvent.click(screen.getByRole('button', { name: 'Log in and save' }));
  expect(editServer).toHaveBeenCalledWith('office', expect.objectContaining({ user: 'rahat', password: 'moonrise' }));
  await waitFor(() => expect(startBackup).toHaveBeenCalledWith(expect.objectContaining({ server: 'office', databases: [crm.database] })));
});

test('paused backups are resumed by the one button', async () => {
  const resume = vi.fn(() => Promise.resolve());
  const world = newWorld({ status: statusOf({ paused: true, state: 'attention', headline: { code: 'state.paused' } }) });
  await show('/', fakeApi({ resume }, world));
  await title('Backups are paused.');
  await userEvent.click(screen.getByRole('button', { name: 'Resume backups' }));
  expect(resume).toHaveBeenCalled();
});

function foundWorld(databases: DatabaseStatus[]) {
  return newWorld({ databases, servers: [], destinations: [], jobs: [], status: statusOf({ state: 'not_protected', headline: { code: 'state.nothing' } }) });
}

test('what was found is protected: server added, place asked, backup with proof', async () => {
  const startBackup = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  const addDestination = vi.fn((d: { name: string; url: string }) => Promise.resolve(d));
  const world = foundWorld([foundDatabase('orders'), foundDatabase('müşteriler')]);
  const { api } = await show('/', fakeApi({ startBackup, addDestination }, world));
  await userEvent.click(await screen.findByRole('button', { name: 'Protect what was found' }));
  const folder = await screen.findByLabelText('Folder');
  expect(folder).toHaveValue('/home/deniz/Backups');
  await userEvent.clear(folder);
  await userEvent.type(folder, '/mnt/My disk');
  await userEvent.type(screen.getByLabelText('Passphrase (recommended)'), 'seven quiet boats');
  await userEvent.click(screen.getByRole('button', { name: 'Use this folder' }));
  await waitFor(() => expect(startBackup).toHaveBeenCalledExactlyOnceWith({ job: 'postgres-nightly' }));
  expect(api.world.jobs).toEqual([{ name: 'postgres-nightly', server: 'postgres', databases: ['orders', 'müşteriler'], destinations: ['backups'], type: 'incremental', verify: 'full', paused: false, schedule: '02:00' }]);
  expect(await screen.findByText('Backed up every night at 02:00 from now on.')).toBeVisible();
  expect(screen.getByRole('link', { name: 'Change postgres-nightly' })).toHaveAttribute('href', '/jobs/postgres-nightly');
  expect(addDestination).toHaveBeenCalledWith({ name: 'backups', url: 'file:///mnt/My%20disk', passphrase: 'seven quiet boats' });
  expect(api.world.servers).toEqual([{ name: 'postgres', engine: 'postgres', address: '127.0.0.1:5432', user: 'postgres' }]);
});

test('where a login is needed it is asked, and a wrong one is not kept', async () => {
  const refused = { code: 'engine.auth_failed', params: { address: '127.0.0.1:5434', user: 'postgres' } };
  const row = foundDatabase('', { address: '127.0.0.1:5434', problem: refused });
  delete row.found?.user;
  const startBackup = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  const world = foundWorld([row]);
  world.destinations = [{ name: 'disk', url: 'file:///backups' }];
  const { api } = await show('/', fakeApi({ startBackup, testServer: () => Promise.resolve({ ok: false, size_bytes: 0, databases: [], warnings: [], problem: refused }) }, world));
  await userEvent.click(await screen.findByRole('button', { name: 'Protect: 127.0.0.1:5434' }));
  const dialog = await screen.findByRole('dialog', { name: 'Log in to 127.0.0.1:5434' });
  await userEvent.type(within(dialog).getByLabelText('Password'), 'wrong');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Log in and add' }));
  expect(await within(dialog).findByRole('alert')).toHaveTextContent('refuses the password of postgres');
  expect(api.world.servers).toEqual([]);
  Object.assign(api, { testServer: () => fakeApi().testServer('') });
  await userEvent.click(within(dialog).getByRole('button', { name: 'Log in and add' }));
  await waitFor(() => expect(startBackup).toHaveBeenCalledWith({ job: 'postgres-5434-nightly' }));
  expect(api.world.jobs[0]).toMatchObject({ server: 'postgres-5434', databases: ['*'] });
});

test('the nightly job of a server gets more to do; what has a job already gets no other', async () => {
  const startBackup = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  const bare = (database: string): DatabaseStatus => {
    const d = { ...sevenDatabases()[0]!, database };
    delete d.last;
    delete d.proven;
    return d;
  };
  const world = newWorld({ databases: [bare('a'), bare('b'), bare('c')], jobs: [jobOf({ name: 'main-nightly', databases: ['a'] }), jobOf({ name: 'other', databases: ['c'] })] });
  const { api } = await show('/', fakeApi({ startBackup }, world));
  await userEvent.click(await screen.findByRole('button', { name: 'Back up now: b' }));
  await waitFor(() => expect(startBackup).toHaveBeenCalledExactlyOnceWith({ server: 'main', databases: ['b'], destination: 'disk', verify: 'full' }));
  expect(api.world.jobs[0]?.databases).toEqual(['a', 'b']);
  await userEvent.click(await screen.findByRole('button', { name: 'Close' }));
  await userEvent.click(screen.getByRole('button', { name: 'Back up now: c' }));
  await waitFor(() => expect(startBackup).toHaveBeenCalledTimes(2));
  expect(api.world.jobs).toHaveLength(2);
  expect(screen.queryByText(/Backed up every night/)).toBeNull();
});

test('the next run stands in the row', async () => {
  const world = newWorld();
  const d = world.databases.find((x) => x.database === 'billing')!;
  await show('/', fakeApi({}, world));
  expect((await rowOf('billing')).querySelector(`time[datetime="${d.next}"]`)).not.toBeNull();
});

test('a person who thinks better of it changes nothing', async () => {
  const startBackup = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  await show('/', fakeApi({ startBackup }, foundWorld([foundDatabase('orders')])));
  await userEvent.click(await screen.findByRole('button', { name: 'Protect: orders' }));
  await userEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(startBackup).not.toHaveBeenCalled();
  expect(screen.getByRole('button', { name: 'Protect: orders' })).toBeEnabled();
});

test('nothing found: the way to begin', async () => {
  await show('/', fakeApi({}, foundWorld([])));
  await userEvent.click(await screen.findByRole('button', { name: 'Add database' }));
  expect(await screen.findByRole('dialog', { name: 'Add a database server' })).toBeVisible();
});

test('what cannot be backed up says why and offers nothing', async () => {
  const [bare, b] = sevenDatabases();
  delete bare?.last;
  const world = newWorld({ databases: [{ ...bare!, database: 'gone', present: false }, { ...bare!, database: 'closed', readable: false }, b!] });
  await show('/', fakeApi({}, world));
  expect(within(await rowOf('gone')).getByText('no longer on the server')).toBeVisible();
  expect(within(await rowOf('closed')).getByText('no right to read it')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Back up now: gone' })).toBeDisabled();
  expect(screen.getByRole('button', { name: 'Back up now: closed' })).toBeDisabled();
});

test('names in any script stay as they are', async () => {
  const names = ['İSTANBUL', 'ıspanak', 'データベース', 'مخزن', 'שלום', 'a\u202Eb', '<b>x</b>', '🙂', ' leading'];
  const [one] = sevenDatabases();
  const world = newWorld({ databases: names.map((database) => ({ ...one!, database })) });
  await show('/', fakeApi({}, world), 'tr');
  await title('7 veritabanının hepsi korunuyor.');
  await waitFor(() => expect(screen.getAllByRole('row')).toHaveLength(names.length + 1));
  const written = [...document.querySelectorAll('tbody bdi')].map((e) => e.textContent);
  expect(written).toEqual(names);
});

test('of 200 databases one is found by its name, in any case', async () => {
  const [one] = sevenDatabases();
  const world = newWorld({ databases: Array.from({ length: 200 }, (_, i) => ({ ...one!, database: `Shop_${i}`, last: backupOf() })) });
  await show('/', fakeApi({}, world));
  const table = await screen.findByRole('table');
  expect(table).toHaveAttribute('aria-rowcount', '201');
  await userEvent.type(screen.getByRole('searchbox', { name: 'Find a database' }), 'shop_17');
  expect(screen.getByText('11 found')).toBeVisible();
  expect(screen.getAllByRole('row')).toHaveLength(12);
});

test('backups may go to a bucket; one that does not answer is not kept', async () => {
  const world = foundWorld([foundDatabase('orders')]);
  const addDestination = vi.fn((d: { name: string; url: string; secret?: string }) => {
    world.destinations.push(d);
    return Promise.resolve(d);
  });
  const refused = { code: 's3.unknown_key', params: { key_id: 'AKIA1' } };
  const { api } = await show('/', fakeApi({ addDestination, testDestination: () => Promise.resolve({ ok: false, backups: 0, free_bytes: -1, problem: refused }) }, world));
  await userEvent.click(await screen.findByRole('button', { name: 'Protect: orders' }));
  await userEvent.click(await screen.findByLabelText('S3 bucket'));
  const use = screen.getByRole('button', { name: 'Use this bucket' });
  for (const [label, value] of [['Bucket', 'my-backups'], ['Region', 'eu-central-1'], ['Access key ID', 'AKIA1'], ['Secret access key', 'shh']] as const) {
    expect(use).toBeDisabled();
    fireEvent.change(screen.getByLabelText(label), { target: { value } });
  }
  await userEvent.click(use);
  expect(await screen.findByRole('alert')).toHaveTextContent('does not know the key ID AKIA1');
  expect(world.destinations).toEqual([]);
  Object.assign(api, { testDestination: () => fakeApi().testDestination('') });
  await userEvent.click(use);
  await waitFor(() => expect(api.world.jobs[0]?.destinations).toEqual(['my-backups']));
  expect(addDestination).toHaveBeenLastCalledWith({ name: 'my-backups', url: 's3://my-backups?provider=aws&region=eu-central-1&key_id=AKIA1', secret: 'shh' });
});

test('a backup that is overdue and a proof that is too old are marked in their rows, by more than a colour', async () => {
  const databases = sevenDatabases(Date.now());
  Object.assign(databases[0]!, { state: 'attention', concern: 'overdue' });
  Object.assign(databases[1]!, { state: 'attention', concern: 'proof_old' });
  await show('/', fakeApi({}, newWorld({ databases })));
  expect(await rowOf('orders_prod')).toHaveTextContent('57 min ago, overdue');
  expect(within(await rowOf('billing')).getByRole('img', { name: 'too old' })).toBeVisible();
  expect(within(await rowOf('web_shop')).queryByText(/overdue/)).toBeNull();
});

test('a run is paused from its card after the warning, which then stands there', async () => {
  const { api } = await show('/', fakeApi({}, newWorld({ runs: [runOf()] })));
  const card = await screen.findByRole('region', { name: 'Backup: orders_prod' });
  await userEvent.click(within(card).getByRole('button', { name: 'Pause orders_prod' }));
  const dialog = await screen.findByRole('dialog', { name: 'Pause the backup of orders_prod?' });
  await userEvent.click(within(dialog).getByRole('button', { name: 'Pause' }));
  expect(await within(card).findByText(/^Its snapshot stays open/)).toBeVisible();
  expect(await rowOf('billing')).not.toHaveTextContent('paused');
  await userEvent.click(within(card).getByRole('button', { name: 'Go on orders_prod' }));
  await waitFor(() => expect(api.world.runs[0]?.held).toBe(false));
  expect(within(card).queryByText(/^Its snapshot stays open/)).toBeNull();
});

test('a run that waits for another attempt has a card with the moment, the attempt and the cause', async () => {
  const run = runOf({ status: 'queued', attempt: 1, attempts: 5, retry_at: new Date(Date.now() + 60_000).toISOString(), problem: { code: 'engine.server_lost' } });
  delete run.progress;
  const { api } = await show('/', fakeApi({}, newWorld({ runs: [run] })));
  const card = await screen.findByRole('region', { name: 'Backup: orders_prod' });
  expect(card).toHaveTextContent(/tries again at (\w+ )?\d\d:\d\d, attempt 2 of 5/);
  expect(await within(card).findByText(/connection to the server broke/i)).toBeVisible();
  await userEvent.click(within(card).getByRole('button', { name: 'Try now orders_prod' }));
  await waitFor(() => expect(api.world.runs[0]).not.toHaveProperty('retry_at'));
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Try now orders_prod' })).toBeNull());
});

test('a run that failed for good is tried again or dismissed where it is told', async () => {
  const { api } = await show('/', fakeApi({}, newWorld({ runs: [runOf()] })));
  await screen.findByRole('region', { name: 'Backup: orders_prod' });
  act(() => api.emitRun(runOf({ status: 'failed', dead: true, problem: { code: 'engine.server_lost' } })));
  await userEvent.click(await screen.findByRole('button', { name: 'Dismiss orders_prod' }));
  await waitFor(() => expect(api.world.runs[0]?.dead).toBe(false));
  await waitFor(() => expect(screen.queryByText(/connection to the server broke/i)).toBeNull());
});
