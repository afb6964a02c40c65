import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { fakeApi, newWorld } from '../../api/fake';
import { jobOf } from '../../api/fixtures';
import { previewOf } from '../../api/planned';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';

const write = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });
const runs = () => screen.findByRole('table', { name: 'Next runs' });
const nightly = (over = {}) => newWorld({ jobs: [jobOf({ databases: ['orders_prod'], ...over })] });
const cron = () => screen.findByLabelText('Minute, hour, day, month, weekday', {}, { timeout: 5_000 });
const entry = (n: number, keep = false) => ({ backup: `b${n}`, server: 'main', database: 'orders_prod', destination: 'disk', at: new Date(Date.UTC(2026, 9, n)).toISOString(), stored_bytes: 1_000, keep });

test('the next ten runs follow what stands in the form, full ones among them', async () => {
  await show('/jobs/nightly', fakeApi({}, nightly({ schedule: '02:00', full_schedule: 'sun 02:00', prove: 'sun 05:00' })));
  const rows = within(await runs()).getAllByRole('row').slice(1);
  expect(rows).toHaveLength(10);
  expect(rows.filter((r) => r.textContent.includes('Full')).length).toBeGreaterThan(0);
  expect(rows[0]).toHaveTextContent('02:00');
  expect(screen.getByText(/^Next proof: /)).toBeVisible();
  write(screen.getAllByLabelText(/^Time of day/)[0]!, '21:45');
  await waitFor(() => expect(within(screen.getByRole('table', { name: 'Next runs' })).getAllByRole('row')[1]).toHaveTextContent('21:45'));
});

test('in the zone of the job and here', async () => {
  await show('/jobs/nightly', fakeApi({}, nightly({ schedule: '02:00', zone: 'Asia/Tokyo' })));
  const table = await runs();
  expect(within(table).getByRole('columnheader', { name: 'Tokyo' })).toBeVisible();
  const [, first] = within(table).getAllByRole('row');
  expect(first).toHaveTextContent('17:00');
  expect(first).toHaveTextContent('02:00');
});

test('a cron line that is none is refused beside its field, part by part, in both languages', async () => {
  const { api } = await show('/jobs/nightly', fakeApi({}, nightly({ schedule: '0 8-19 * * 1-6' })));
  await runs();
  write(await cron(), '61 2 * * *');
  expect(await screen.findByRole('alert')).toHaveTextContent('“61” is no minute: 0 to 59.');
  expect(await cron()).toHaveAccessibleDescription(/“61” is no minute/);
  expect(await cron()).toBeInvalid();
  expect(screen.queryByRole('table', { name: 'Next runs' })).toBeNull();
  write(await cron(), '0 2 *');
  await waitFor(() => expect(screen.getByRole('alert')).toHaveTextContent('A cron line has five parts, this has 3.'));
  write(await cron(), '0 2 31 2 *');
  await waitFor(() => expect(screen.getByRole('alert')).toHaveTextContent('“0 2 31 2 *” would never come'));
  write(await cron(), '0 2 * * 1');
  expect(await runs()).toBeVisible();
  expect(screen.queryByRole('alert')).toBeNull();
  expect(api.world.jobs[0]?.schedule).toBe('0 8-19 * * 1-6');
});

test('in Turkish', async () => {
  await show('/jobs/nightly', fakeApi({}, nightly({ schedule: '0 8-19 * * 1-6' })), 'tr');
  expect(await screen.findByRole('table', { name: 'Sonraki çalıştırmalar' })).toHaveTextContent('Artımlı');
  write(await screen.findByLabelText('Dakika, saat, gün, ay, haftanın günü'), '0 25 * * *');
  expect(await screen.findByRole('alert')).toHaveTextContent('“25” saat olamaz: 0–23.');
});

test('a zone that nobody knows is told beside it', async () => {
  const previewJob = () => Promise.reject(new Problem({ code: 'schedule.unknown_zone', params: { zone: 'Mars/Olympus' } }));
  await show('/jobs/nightly', fakeApi({ previewJob }, nightly({ zone: 'Mars/Olympus' })));
  expect(await screen.findByRole('alert')).toHaveTextContent('This computer knows no time zone called Mars/Olympus');
});

test('another failure is told where the runs would stand, and asked again', async () => {
  const api = fakeApi({}, nightly());
  const answer = api.previewJob.bind(api);
  api.previewJob = () => Promise.reject(new Problem({ code: 'catalog.damaged', detail: 'x' }));
  await show('/jobs/nightly', api);
  await screen.findByRole('alert');
  api.previewJob = answer;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await runs()).toBeVisible();
});

test('a job by hand has no runs to come, and half a schedule asks nothing', async () => {
  const previewJob = vi.fn(() => Promise.resolve({ next: [], next_full: [], prove: [], removed: [], kept: 3 }));
  await show('/jobs/nightly', fakeApi({ previewJob }, nightly({ schedule: '' })));
  expect(await screen.findByText('It runs only when asked for.')).toBeVisible();
  expect(await screen.findByText('All 3 backups stay: nothing is ever removed.')).toBeVisible();
});

test('what the rule would remove, by day and one by one', async () => {
  const removed = [3, 2, 1].map((n) => entry(n));
  await show('/jobs/nightly', fakeApi({ previewJob: (j) => Promise.resolve({ ...previewOf(j, nightly()), removed, kept: 6 }) }, nightly({ keep_daily: 3 })));
  expect(await screen.findByText('3 of 9 backups would be removed.')).toBeVisible();
  expect(screen.getByText('Sat 3 Oct')).toHaveProperty('tagName', 'DEL');
  await userEvent.click(screen.getByText('Each of them'));
  expect(within(screen.getByRole('table', { name: '' })).getAllByRole('row')).toHaveLength(4);
});

test('the fake agent keeps by the rule as the real one does', () => {
  const world = nightly({ keep_last: 1 });
  const { removed, kept } = previewOf(world.jobs[0]!, world);
  expect(removed.length + kept).toBe(9);
  expect(kept).toBe(2); // the newest, and the newest that is proven
  expect(previewOf({ ...world.jobs[0]!, keep_last: 0 }, world).removed).toEqual([]);
});

test('a rule that removes more than it keeps is saved only after its name was typed', async () => {
  const { api, router } = await show('/jobs/nightly', fakeApi({}, nightly({ keep_last: 9 })));
  write(await screen.findByLabelText('newest'), '1');
  await userEvent.click(screen.getByRole('button', { name: 'Save job' }));
  const dialog = await screen.findByRole('dialog', { name: 'Remove most of its backups?' });
  expect(dialog).toHaveTextContent('7 of 9 backups would be removed.');
  expect(within(dialog).getByRole('button', { name: 'Save this rule' })).toBeDisabled();
  expect(api.world.jobs[0]?.keep_last).toBe(9);
  await userEvent.type(within(dialog).getByLabelText('Type nightly to go on'), 'nightly');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Save this rule' }));
  await waitFor(() => expect(router.state.location.pathname).toBe('/jobs'));
  expect(api.world.jobs[0]?.keep_last).toBe(1);
});

test('a ready-made job fills in all but databases and places, and its name where none was typed', async () => {
  const { api } = await show('/new-job');
  await userEvent.click(await screen.findByRole('button', { name: 'Every hour' }));
  expect(screen.getByText(/^Every hour, for data that must not lose a day/)).toBeVisible();
  expect(screen.getByLabelText('Job', { selector: 'input' })).toHaveValue('hourly');
  await userEvent.click(screen.getByRole('button', { name: 'Archive' }));
  expect(screen.getByRole('button', { name: 'Archive' })).toHaveAttribute('aria-pressed', 'true');
  write(screen.getByLabelText('Job', { selector: 'input' }), 'paper');
  await userEvent.click(screen.getByRole('button', { name: 'Every hour' }));
  await userEvent.click(screen.getByRole('button', { name: 'Save job' }));
  await waitFor(() => expect(api.world.jobs.at(-1)).toMatchObject({ name: 'paper', server: 'main', databases: ['*'], destinations: ['disk'], schedule: 'every 1h', full_schedule: 'sat 03:00', keep_hourly: 48 }));
  expect(api.world.jobs.at(-1)).not.toHaveProperty('keep_yearly');
});

test('scripts are added, changed and removed', async () => {
  const { api } = await show('/jobs/nightly', fakeApi({}, nightly({ before: [{ kind: 'command', text: 'sync' }] })));
  await userEvent.click(await screen.findByRole('button', { name: 'Add a script after each backup' }));
  let dialog = await screen.findByRole('dialog', { name: 'Add a script after each backup' });
  expect(within(dialog).getByRole('button', { name: 'Add' })).toBeDisabled();
  write(within(dialog).getByLabelText(/^Command, for/), 'curl https://example.org');
  await userEvent.click(within(dialog).getByLabelText('When it went well'));
  await userEvent.click(within(dialog).getByLabelText('Only a warning'));
  write(within(dialog).getByLabelText(/^seconds at most/), '90');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Add' }));
  expect(await screen.findByText('Command, at most 1 min 30 s, only when it went well, a failure is a warning')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Edit script 1: sync' }));
  dialog = await screen.findByRole('dialog', { name: 'Change the script' });
  await userEvent.click(within(dialog).getByLabelText('SQL'));
  write(within(dialog).getByLabelText(/^SQL, in/), 'CHECKPOINT');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Take over' }));
  await screen.findByText('CHECKPOINT');
  await userEvent.click(screen.getByRole('button', { name: 'Save job' }));
  const after = { kind: 'command', text: 'curl https://example.org', when: 'ok', on_failure: 'warn', seconds: 90 };
  await waitFor(() => expect(api.world.jobs[0]).toMatchObject({ before: [{ kind: 'sql', text: 'CHECKPOINT' }], after: [after] }));
});

test('a script that was taken out is gone when the job is saved', async () => {
  const { api } = await show('/jobs/nightly', fakeApi({}, nightly({ before: [{ kind: 'command', text: 'sync' }] })));
  await userEvent.click(await screen.findByRole('button', { name: 'Remove script 1: sync' }));
  await userEvent.click(screen.getByRole('button', { name: 'Save job' }));
  await waitFor(() => expect(api.world.jobs[0]?.before).toEqual([]));
});
