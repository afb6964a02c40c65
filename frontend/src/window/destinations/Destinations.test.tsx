import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { fakeApi, newWorld } from '../../api/fake';
import { jobOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import { destinationTestOf } from '../../api/setup';
import { show } from '../../test/show';
import { usesOf, whereOf, withReached } from './place';

const bucket = { name: 'cloud', url: 's3://backups/deniz?provider=wasabi&region=eu-central-1&key_id=AK', lock_days: 7 };

test('where a place is, in words', () => {
  expect(whereOf('file:///mnt/My%20Disk')).toBe('/mnt/My Disk');
  expect(whereOf(bucket.url)).toBe('backups/deniz · wasabi');
  expect(whereOf('s3://b?endpoint=https%3A%2F%2Fnas%3A9000&key_id=x')).toBe('b · nas:9000');
  expect(whereOf('s3://b')).toBe('b');
  expect(withReached('s3://b/p?endpoint=https%3A%2F%2Fnas%3A9000&region=x&exclusive=look&key_id=x', { endpoint: ' https://nas2:9000 ', region: '', key_id: 'x' })).toBe('s3://b/p?endpoint=https%3A%2F%2Fnas2%3A9000&exclusive=look&key_id=x');
});

test('what jobs do with a place', () => {
  const jobs = [jobOf({ name: 'a', destinations: ['x', 'y'] }), jobOf({ name: 'b', destinations: ['y'], emergency: 'x' }), jobOf({ name: 'c', destinations: ['z'] })];
  expect(usesOf(jobs, 'x')).toEqual([{ job: 'a', use: 'first' }, { job: 'b', use: 'emergency' }]);
  expect(usesOf(jobs, 'y')).toEqual([{ job: 'a', use: 'copy' }, { job: 'b', use: 'first' }]);
});

test('the list leads to each place', async () => {
  await show('/destinations');
  await userEvent.click(await screen.findByRole('link', { name: 'office-nas' }));
  expect(await screen.findByRole('heading', { level: 1, name: 'office-nas' })).toBeVisible();
  expect(await screen.findByText('128 GB')).toBeVisible();
  expect(screen.getByText('412 GB')).toBeVisible();
  expect(await screen.findByRole('link', { name: 'billing-nightly' })).toBeVisible();
});

test('without a place, one is added; a place that fails the test is not kept and says what failed', async () => {
  const { api } = await show('/destinations', fakeApi({ testDestination: () => Promise.resolve(destinationTestOf(true)) }, newWorld({ destinations: [] })));
  await userEvent.click(await screen.findByRole('button', { name: 'Add a place' }));
  await userEvent.click(await screen.findByRole('button', { name: 'Use this folder' }));
  const failed = await screen.findByRole('alert');
  expect(failed).toHaveTextContent('No file takes the place of another');
  expect(failed).toHaveTextContent('The destination lets a file be replaced: check/x/a');
  expect(api.world.destinations).toEqual([]);
});

test('a test is told thing by thing', async () => {
  await show('/destinations/disk');
  await userEvent.click(await screen.findByRole('button', { name: 'Test it' }));
  const list = await screen.findByRole('list', { name: 'What was tried' });
  expect(within(list).getAllByRole('img', { name: 'went well' })).toHaveLength(10);
  expect(list).toHaveTextContent('83.9 MB/s');
  expect(screen.getByText('It does')).toBeVisible();
});

test('a folder that was moved is looked for where it is now', async () => {
  const { api } = await show('/destinations/disk', fakeApi({}, newWorld({ destinations: [{ name: 'disk', url: 'file:///backups' }] })));
  const edit = vi.spyOn(api, 'editDestination').mockRejectedValueOnce(new Problem({ code: 'agent.other_repository', params: { url: 'file:///mnt/b', destination: 'disk' } }));
  await userEvent.click(await screen.findByRole('button', { name: 'It was moved…' }));
  const folder = await screen.findByLabelText('Folder');
  expect(folder).toHaveValue('/backups');
  const save = within(screen.getByRole('dialog')).getByRole('button', { name: 'Save' });
  expect(save).toBeDisabled();
  fireEvent.change(folder, { target: { value: '/mnt/b' } });
  await userEvent.click(save);
  expect(await screen.findByText(/are not the backups that destination disk had/)).toBeVisible();
  await userEvent.click(save);
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(edit).toHaveBeenLastCalledWith('disk', { url: 'file:///mnt/b' });
  expect(await screen.findByText('/mnt/b')).toBeVisible();
});

test('a bucket gets a new key, server or region, and the rest of its address stays what it was', async () => {
  const { api } = await show('/destinations/cloud', fakeApi({}, newWorld({ destinations: [bucket] })));
  const edit = vi.spyOn(api, 'editDestination');
  await userEvent.click(await screen.findByRole('button', { name: 'Key or server…' }));
  fireEvent.change(await screen.findByLabelText('Secret access key'), { target: { value: 'fresh' } });
  await userEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Save' }));
  await waitFor(() => expect(edit).toHaveBeenLastCalledWith('cloud', { secret: 'fresh' }));
  await userEvent.click(await screen.findByRole('button', { name: 'Key or server…' }));
  fireEvent.change(await screen.findByLabelText('Access key ID'), { target: { value: 'AK2' } });
  await userEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Save' }));
  await waitFor(() => expect(edit).toHaveBeenLastCalledWith('cloud', { url: bucket.url.replace('key_id=AK', 'key_id=AK2') }));
  await userEvent.click(await screen.findByRole('button', { name: 'Key or server…' }));
  expect(screen.queryByLabelText('Address of the server')).toBeNull(); // the provider says which it is
  fireEvent.change(await screen.findByLabelText('Region'), { target: { value: 'eu-west-2' } });
  fireEvent.change(screen.getByLabelText('Access key ID'), { target: { value: ' ' } });
  expect(within(screen.getByRole('dialog')).getByRole('button', { name: 'Save' })).toBeDisabled();
  fireEvent.change(screen.getByLabelText('Access key ID'), { target: { value: 'AK2' } });
  await userEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Save' }));
  await waitFor(() => expect(edit).toHaveBeenLastCalledWith('cloud', { url: bucket.url.replace('key_id=AK', 'key_id=AK2').replace('eu-central-1', 'eu-west-2') }));
});

test('how it is kept is changed; only a bucket can forbid deletion', async () => {
  const world = newWorld({ destinations: [bucket, { name: 'disk', url: 'file:///backups' }] });
  const { api, router } = await show('/destinations/cloud', fakeApi({}, world));
  const edit = vi.spyOn(api, 'editDestination');
  const lock = await screen.findByLabelText(/days after a backup was made/);
  expect(lock).toHaveValue(7);
  expect(screen.getByRole('button', { name: 'Save' })).toBeDisabled();
  fireEvent.change(lock, { target: { value: '30' } });
  fireEvent.change(screen.getByLabelText(/within them everything stored is read/), { target: { value: '60' } });
  await userEvent.click(screen.getByRole('button', { name: 'Save' }));
  expect(await screen.findByText('Saved')).toBeVisible();
  expect(edit).toHaveBeenCalledExactlyOnceWith('cloud', { reread_days: 60, lock_days: 30 });
  await router.navigate({ to: '/destinations/$destination', params: { destination: 'disk' } });
  expect(await screen.findByLabelText(/within them everything stored is read/)).toHaveValue(null);
  expect(screen.queryByLabelText(/days after a backup was made/)).toBeNull();
});

test('a piece is read now', async () => {
  await show('/destinations/disk');
  await userEvent.click(await screen.findByRole('button', { name: 'Read a piece now' }));
  expect(await screen.findByRole('link', { name: 'It is being read' })).toHaveAttribute('href', '/runs/r1');
});

test('a place is cleaned up after it was told what goes, and what came of it stands there', async () => {
  const entry = (n: number, over = {}) => ({ backup: `b${n}`, server: 'main', database: 'orders_prod', destination: 'disk', at: new Date(Date.UTC(2026, 9, n)).toISOString(), stored_bytes: 1_000, keep: false, ...over });
  const previewPrune = () => Promise.resolve({ backups: [entry(1), entry(2, { keep: true, why: ['pinned'] }), entry(3, { keep: true, why: ['last', 'daily'] }), entry(4, { destination: 'office-nas' })] });
  const api = fakeApi({ previewPrune });
  const prune = vi.spyOn(api, 'prune');
  const usage = vi.spyOn(api, 'destinationUsage');
  await show('/destinations/disk', api);
  await userEvent.click(await screen.findByRole('button', { name: 'Clean up now…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Clean up disk?' });
  expect(await within(dialog).findByText('1 of 3 backups would be removed.')).toBeVisible();
  await userEvent.click(within(dialog).getByText('2 backups stay, and why'));
  expect(within(dialog).getByText('among the newest and one of the kept days')).toBeVisible();
  expect(prune).not.toHaveBeenCalled();
  await userEvent.click(within(dialog).getByRole('button', { name: 'Remove 1 backup' }));
  expect(await screen.findByText('Removal of old backups of disk is waiting.')).toBeVisible();
  expect(prune).toHaveBeenCalledExactlyOnceWith('disk');
  expect(screen.getByRole('button', { name: 'Clean up now…' })).toBeDisabled();
  const [run] = api.world.runs;
  act(() => api.emitRun({ ...run!, status: 'running', progress: { phase: 'delete', done: 3, total: 12 } }));
  expect(await screen.findByText('3 of 12')).toBeVisible();
  const measured = usage.mock.calls.length;
  act(() => api.emitRun({ ...run!, status: 'ok', result: { run: run!.id, status: 'ok', destination: 'disk', removed: ['b1'], kept: 2, before_bytes: 9_000_000, after_bytes: 5_000_000, freed_bytes: 4_000_000, waiting_bytes: 0, seconds: 1 } }));
  expect(await screen.findByText(/One backup was removed, 2 kept\. 4\.00 MB freed/)).toBeVisible();
  await waitFor(() => expect(usage.mock.calls.length).toBe(measured + 1));
  expect(screen.getByRole('button', { name: 'Clean up now…' })).toBeEnabled();
});

test('a clean-up that removes nothing says so; one that removes most wants the name typed', async () => {
  const entry = { backup: 'b1', server: 'main', database: 'orders_prod', destination: 'disk', at: '2026-10-01T00:00:00Z', stored_bytes: 1_000, keep: false };
  const api = fakeApi({ previewPrune: () => Promise.resolve({ backups: [] }) });
  const prune = vi.spyOn(api, 'prune').mockRejectedValueOnce(new Problem({ code: 'catalog.damaged', detail: 'x' }));
  await show('/destinations/disk', api, 'tr');
  await userEvent.click(await screen.findByRole('button', { name: 'Şimdi temizle…' }));
  expect(await screen.findByText('Hiçbir yedek silinmez.')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Temizle' }));
  expect(await within(screen.getByRole('dialog')).findByRole('alert')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'İptal' }));
  api.previewPrune = () => Promise.resolve({ backups: [entry] });
  await userEvent.click(screen.getByRole('button', { name: 'Şimdi temizle…' }));
  const remove = await screen.findByRole('button', { name: '1 yedeği sil' });
  expect(remove).toBeDisabled();
  await userEvent.type(screen.getByRole('textbox'), 'disk');
  await userEvent.click(remove);
  await waitFor(() => expect(prune).toHaveBeenCalledTimes(2));
});

test('keys: a passphrase is typed twice, this computer’s key is changed, another is removed by name', async () => {
  const { api } = await show('/destinations/disk');
  await userEvent.click(await screen.findByRole('button', { name: 'Add a passphrase…' }));
  const add = await screen.findByRole('button', { name: 'Add passphrase' });
  fireEvent.change(screen.getByLabelText('Passphrase'), { target: { value: 'correct horse' } });
  fireEvent.change(screen.getByLabelText('The same again'), { target: { value: 'correct hors' } });
  expect(screen.getByText('The two differ')).toBeVisible();
  expect(add).toBeDisabled();
  fireEvent.change(screen.getByLabelText('The same again'), { target: { value: 'correct horse' } });
  await userEvent.click(add);
  await waitFor(() => expect(screen.getAllByText('Passphrase')).toHaveLength(2));
  await userEvent.click(screen.getByRole('button', { name: 'New key for this computer…' }));
  await userEvent.click(await screen.findByRole('button', { name: 'Change the key' }));
  expect(await screen.findByText('newkey01')).toBeVisible();
  expect(screen.queryByRole('button', { name: /Remove: This computer/ })).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Remove: Passphrase 81be04d2' }));
  const remove = await screen.findByRole('button', { name: 'Remove the key' });
  expect(remove).toBeDisabled();
  await userEvent.type(screen.getByRole('textbox'), 'disk');
  await userEvent.click(remove);
  await waitFor(() => expect(api.world.keys.some((k) => k.id === '81be04d2')).toBe(false));
  await waitFor(() => expect(screen.queryByText('81be04d2')).toBeNull());
});

test('a place without a key is unlocked', async () => {
  let locked = true;
  const missing = () => new Problem({ code: 'agent.repository_key_missing', params: { destination: 'disk' } });
  const api = fakeApi();
  const { destinationUsage, keys } = { destinationUsage: api.destinationUsage.bind(api), keys: api.keys.bind(api) };
  api.destinationUsage = (n) => (locked ? Promise.reject(missing()) : destinationUsage(n));
  api.keys = (n) => (locked ? Promise.reject(missing()) : keys(n));
  const unlock = vi.spyOn(api, 'unlock').mockImplementation(() => {
    locked = false;
    return Promise.resolve(api.world.destinations[0]!);
  });
  await show('/destinations/disk', api);
  await userEvent.click(await screen.findByRole('button', { name: 'Unlock…' }));
  fireEvent.change(await screen.findByLabelText('Key'), { target: { value: ' correct horse ' } });
  await userEvent.click(screen.getByRole('button', { name: 'Unlock' }));
  expect(await screen.findByText('128 GB')).toBeVisible();
  expect(await screen.findByText('This computer’s key')).toBeVisible();
  expect(unlock).toHaveBeenCalledExactlyOnceWith('disk', { passphrase: 'correct horse' });
});

test('removal: a place that a job needs stays', async () => {
  const removeDestination = () => Promise.reject(new Problem({ code: 'agent.in_use', params: { name: 'disk', job: 'orders-hourly' } }));
  const { api, router } = await show('/destinations/disk', fakeApi({ removeDestination }));
  await userEvent.click((await screen.findAllByRole('button', { name: 'Remove…' }))[0]!);
  await userEvent.click(await screen.findByRole('button', { name: 'Remove' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('orders-hourly');
  api.removeDestination = () => {
    api.world.destinations = api.world.destinations.slice(1);
    return Promise.resolve();
  };
  await userEvent.click(screen.getByRole('button', { name: 'Remove' }));
  await waitFor(() => expect(router.state.location.pathname).toBe('/destinations'));
});

test('a place that nobody knows, in Turkish', async () => {
  await show('/destinations/nowhere', undefined, 'tr');
  expect(await screen.findByText('nowhere adında bir yer yok')).toBeVisible();
});
