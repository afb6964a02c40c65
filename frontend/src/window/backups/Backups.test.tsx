import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { BackupQuery, Label } from '../../api/api';
import { fakeApi, newWorld } from '../../api/fake';
import { jobOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';

const labels: Record<string, Label> = { 'b-orders_prod-8': { pinned: true, tags: ['release'], note: 'Before the move' }, 'b-crm-9': { tags: ['quarter'] } };
const world = (over = {}) => newWorld({ labels: structuredClone(labels), ...over });
const listed = async () => {
  await waitFor(() => expect(screen.getAllByRole('row').length).toBeGreaterThan(1));
  return screen.getAllByRole('row').slice(1);
};
const drawer = () => screen.findByRole('dialog');

test('all backups, the newest first, with what was written on them', async () => {
  await show('/backups', fakeApi({}, world()));
  const rows = await listed();
  expect(rows).toHaveLength(63);
  expect(rows[0]).toHaveTextContent('billing');
  const pinned = rows.find((r) => r.textContent.includes('Before the move'));
  expect(pinned).toHaveTextContent('Pinned');
  expect(within(pinned!).getByRole('link', { name: 'release' })).toBeVisible();
  expect(screen.getByText('63 backups')).toBeInTheDocument();
});

test('they are searched, and by a tag, and those that are pinned', async () => {
  const { router } = await show('/backups', fakeApi({}, world()));
  fireEvent.change(await screen.findByRole('searchbox'), { target: { value: 'BEFORE the' } });
  await waitFor(async () => expect(await listed()).toHaveLength(1));
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: '' } });
  await waitFor(async () => expect(await listed()).toHaveLength(63));
  await userEvent.click(screen.getByRole('link', { name: 'quarter' }));
  await waitFor(async () => expect(await listed()).toHaveLength(1));
  expect(router.state.location.search).toEqual({ tag: 'quarter' });
  await userEvent.click(screen.getByLabelText('Pinned', { selector: 'input' }));
  expect(await screen.findByRole('heading', { name: 'No backup matches' })).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Show all' }));
  await waitFor(async () => expect(await listed()).toHaveLength(63));
  await userEvent.click(screen.getByLabelText('Pinned', { selector: 'input' }));
  await waitFor(async () => expect(await listed()).toHaveLength(1));
});

test('what the rules of the jobs would remove', async () => {
  const jobs = [jobOf({ databases: ['orders_prod'], keep_last: 2 })];
  const { router } = await show('/backups?show=going', fakeApi({}, world({ jobs })));
  expect(await screen.findByText(/^7 of 9 backups would be removed\.|^6 of 9/)).toBeVisible();
  const [first] = await listed();
  await userEvent.click(within(first!).getByRole('link'));
  expect(within(await drawer()).getByText('would be removed', { exact: false })).toBeVisible();
  expect(router.state.location.search).toMatchObject({ show: 'going' });
});

test('when the rules remove nothing that is said', async () => {
  await show('/backups?show=going', fakeApi({}, world({ jobs: [jobOf()] })));
  expect(await screen.findByRole('heading', { name: 'The rules remove nothing now' })).toBeVisible();
});

test('why a backup stays, at each place', async () => {
  const jobs = [jobOf({ databases: ['orders_prod'], keep_last: 1 })];
  await show('/backups?backup=b-orders_prod-8', fakeApi({}, world({ jobs })));
  expect(await within(await drawer()).findByText(/stays: pinned and the newest proven one/)).toBeVisible();
});

test('nothing yet, failed, lost, and in Turkish', async () => {
  await show('/backups', fakeApi({}, world({ databases: [] })), 'tr');
  expect(await screen.findByRole('heading', { name: 'Henüz yedek yok' })).toBeVisible();
});

test('what failed is asked again', async () => {
  const api = fakeApi({}, world());
  const answer = api.backups.bind(api);
  api.backups = () => Promise.reject(new Problem({ code: 'catalog.damaged', detail: 'x' }));
  await show('/backups', api);
  await screen.findByRole('alert');
  api.backups = answer;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await listed()).toHaveLength(63);
});

test('a hundred are listed at first, more when asked', async () => {
  const one = (await fakeApi().backups())[0]!;
  const backups = vi.fn(({ limit = 0 }: BackupQuery = {}) => Promise.resolve(Array.from({ length: Math.min(limit, 300) }, (_, i) => ({ ...one, id: `b${i}` }))));
  await show('/backups', fakeApi({ backups }));
  expect(await listed()).toHaveLength(100);
  await userEvent.click(screen.getByRole('button', { name: 'Show more' }));
  await waitFor(async () => expect(await listed()).toHaveLength(300));
  expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
});

test('pin, tags and note are written where they stand, by the keyboard alone', async () => {
  const { api } = await show('/backups?backup=b-billing-8', fakeApi({}, world()));
  const panel = within(await drawer());
  panel.getByRole('button', { name: 'Pin' }).focus();
  await userEvent.keyboard('{Enter}');
  await waitFor(() => expect(panel.getByRole('button', { name: 'Pin' })).toHaveAttribute('aria-pressed', 'true'));
  await userEvent.type(panel.getByLabelText('Add a tag'), 'öncesi, 2.4{Enter}');
  await panel.findByRole('button', { name: 'Remove the tag 2.4' });
  await userEvent.click(panel.getByRole('button', { name: 'Remove the tag 2.4' }));
  await waitFor(() => expect(panel.queryByText('2.4')).toBeNull());
  await userEvent.click(panel.getByRole('button', { name: 'Add a note' }));
  await userEvent.type(panel.getByLabelText('Note'), 'two{Enter}lines{Control>}{Enter}{/Control}');
  expect(await panel.findByRole('button', { name: 'Edit' })).toBeVisible();
  expect(api.world.labels['b-billing-8']).toEqual({ pinned: true, tags: ['öncesi'], note: 'two\nlines' });
});

test('Escape leaves the note and not the drawer; a refusal is told and nothing lost', async () => {
  const label = () => Promise.reject(new Problem({ code: 'repository.bad_label', params: { tags: '100', size: '32768' } }));
  await show('/backups?backup=b-orders_prod-8', fakeApi({ label }, world()));
  const panel = within(await drawer());
  await userEvent.click(panel.getByRole('button', { name: 'Edit' }));
  await userEvent.type(panel.getByLabelText('Note'), ' again');
  await userEvent.click(panel.getByRole('button', { name: 'Save' }));
  expect(await panel.findByRole('alert')).toHaveTextContent('The note or the tags are too long');
  expect(panel.getByLabelText('Note')).toHaveValue('Before the move again');
  await userEvent.type(panel.getByLabelText('Note'), '{Escape}');
  expect(panel.getByText('Before the move')).toBeVisible();
  expect(await drawer()).toBeVisible();
});

test('a lost agent: nothing can be written', async () => {
  const { api } = await show('/backups?backup=b-orders_prod-8', fakeApi({}, world()));
  const panel = within(await drawer());
  Object.assign(api, { status: () => Promise.reject(new Problem({ code: 'control.unreachable' })) });
  act(() => api.emit({ kind: 'link', up: false }));
  await waitFor(() => expect(panel.getByRole('button', { name: 'Pin' })).toBeDisabled());
  expect(panel.getByLabelText('Add a tag')).toBeDisabled();
});
