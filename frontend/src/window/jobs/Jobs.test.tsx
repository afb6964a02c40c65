import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { fakeApi, newWorld } from '../../api/fake';
import { at, jobOf, runOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';

const never = () => new Promise<never>(() => undefined);
const nobody = () => Promise.reject(new Problem({ code: 'control.unreachable' }));
const write = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });
const rowOf = async (name: string) => (await screen.findByRole('link', { name })).closest('tr')!;
const title = (words: string) => screen.findByRole('heading', { level: 1, name: words });

test('each job with its databases, places, schedule in words, next run and last result', async () => {
  const world = newWorld({ runs: [runOf({ id: 'r7', job: 'billing-nightly', status: 'failed', finished: new Date(Date.now() - 3 * 3_600_000).toISOString() })] });
  const next = new Date(Date.now() + 60_000);
  world.databases.find((d) => d.database === 'orders_prod')!.next = next.toISOString();
  await show('/jobs', fakeApi({}, world));
  const row = await rowOf('orders-hourly');
  expect(row).toHaveTextContent('every hour');
  expect(row).toHaveTextContent('to disk, office-nas');
  await waitFor(() => expect(row.querySelector('time')).not.toBeNull());
  expect(row.querySelector('time')).toHaveAttribute('datetime', next.toISOString());
  expect(await rowOf('everything')).toHaveTextContent('every Monday and Thursday at 03:30 (Europe/Berlin)');
  expect(await rowOf('everything')).toHaveTextContent('all databases of main');
  expect(await within(await rowOf('billing-nightly')).findByRole('link', { name: 'failed' })).toHaveAttribute('href', '/runs/r7');
  expect(await rowOf('billing-nightly')).toHaveTextContent('3 h ago');
  expect(await rowOf('before-release')).toHaveTextContent('paused');
});

test('in Turkish', async () => {
  await show('/jobs', undefined, 'tr');
  expect(await rowOf('everything')).toHaveTextContent('her pazartesi ve perşembe saat 03:30 (Europe/Berlin)');
  expect(await title('Görevler')).toBeVisible();
});

test('a job is paused and goes on', async () => {
  const { api } = await show('/jobs');
  const on = await screen.findByRole('switch', { name: 'orders-hourly runs by itself' });
  expect(on).toBeChecked();
  await userEvent.click(on);
  await waitFor(() => expect(screen.getByRole('switch', { name: 'orders-hourly runs by itself' })).not.toBeChecked());
  expect(api.world.jobs[0]?.paused).toBe(true);
  await userEvent.click(screen.getByRole('switch', { name: 'orders-hourly runs by itself' }));
  await waitFor(() => expect(api.world.jobs[0]?.paused).toBe(false));
});

test('nothing, waiting, failed and lost', async () => {
  const { api } = await show('/jobs', fakeApi({ jobs: never }));
  expect(await screen.findByText('Jobs are being read')).toBeInTheDocument();
  Object.assign(api, { status: nobody, jobs: nobody });
  act(() => api.emit({ kind: 'link', up: false }));
  expect(await screen.findByText('The agent does not answer.')).toBeVisible();
});

test('without a job one is asked to make the first', async () => {
  await show('/jobs', fakeApi({}, newWorld({ jobs: [] })));
  expect(await screen.findByRole('heading', { name: 'Nothing runs by itself yet' })).toBeVisible();
  await userEvent.click(screen.getByRole('link', { name: 'New job' }));
  await title('New job');
});

test('what failed can be tried again', async () => {
  const { api } = await show('/jobs', fakeApi({ jobs: () => Promise.reject(new Problem({ code: 'catalog.damaged', detail: 'x' })) }));
  expect(await screen.findByRole('alert')).toHaveTextContent('catalog.damaged');
  Object.assign(api, { jobs: () => Promise.resolve([jobOf()]) });
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await rowOf('nightly')).toBeVisible();
});

test('a new job begins with what most people want', async () => {
  const { api } = await show('/new-job');
  await title('New job');
  const name = await screen.findByLabelText('Job', { selector: 'input' });
  write(name, 'my job');
  const save = screen.getByRole('button', { name: 'Save job' });
  expect(save).toBeDisabled();
  expect(screen.getByText(/A name is missing/)).toBeVisible();
  write(name, 'evening');
  write(screen.getByLabelText(/^Time of day/), '21:30');
  expect(screen.getByText(/Runs every day at 21:30\./)).toBeVisible();
  await userEvent.click(screen.getByLabelText('Chosen ones'));
  expect(save).toBeDisabled();
  await userEvent.click(screen.getByLabelText('billing'));
  await userEvent.click(screen.getByLabelText('office-nas'));
  await userEvent.click(save);
  await title('Jobs');
  expect(api.world.jobs.at(-1)).toMatchObject({ name: 'evening', server: 'main', databases: ['billing'], destinations: ['disk', 'office-nas'], type: 'incremental', verify: 'full', schedule: '21:30', full_schedule: '', prove: '', paused: false, keep_daily: 7, keep_weekly: 4, keep_monthly: 12 });
});

test('a job is changed, and what has no field stays', async () => {
  const world = newWorld({ jobs: [jobOf({ before: [{ kind: 'command', text: 'true' }], keep_daily: 5, schedule: '0 8-19 * * 1-6' })] });
  const editJob = vi.fn((_: string, job: ReturnType<typeof jobOf>) => Promise.resolve(job));
  await show('/jobs/nightly', fakeApi({ editJob }, world));
  const save = await screen.findByRole('button', { name: 'Save job' });
  expect(save).toBeDisabled();
  expect(screen.getByLabelText('Minute, hour, day, month, weekday')).toHaveValue('0 8-19 * * 1-6');
  expect(screen.getByLabelText('Your numbers')).toBeChecked();
  await userEvent.click(screen.getByLabelText('10 years'));
  await userEvent.click(save);
  await waitFor(() => expect(editJob).toHaveBeenCalledExactlyOnceWith('nightly', expect.objectContaining({ before: [{ kind: 'command', text: 'true' }], schedule: '0 8-19 * * 1-6', keep_daily: 14, keep_yearly: 10, databases: ['orders_prod', 'billing'] })));
});

test('days of the week are chosen by their buttons', async () => {
  const { api } = await show('/jobs/nightly', fakeApi({}, newWorld({ jobs: [jobOf({ schedule: 'mon,thu 02:00' })] })));
  expect(await screen.findByText('Thu')).toHaveAttribute('aria-pressed', 'true');
  await userEvent.click(screen.getByText('Sun'));
  await userEvent.click(screen.getByText('Mon'));
  await userEvent.click(screen.getByRole('button', { name: 'Save job' }));
  await waitFor(() => expect(api.world.jobs[0]?.schedule).toBe('thu,sun 02:00'));
});

test('what the agent refuses is told with its remedy', async () => {
  const editJob = () => Promise.reject(new Problem({ code: 'schedule.never', params: { spec: '31 02:00' } }));
  await show('/jobs/nightly', fakeApi({ editJob }, newWorld({ jobs: [jobOf()] })));
  write(await screen.findByLabelText('Job', { selector: 'input' }), 'nightly2');
  await userEvent.click(screen.getByRole('button', { name: 'Save job' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('would never come');
});

test('a job is run now', async () => {
  const startBackup = vi.fn(() => Promise.resolve({ runs: ['r1'] }));
  const { router } = await show('/jobs/nightly', fakeApi({ startBackup, run: () => Promise.resolve(runOf({ job: 'nightly', queued: at(-1) })) }, newWorld({ jobs: [jobOf()] })));
  await userEvent.click(await screen.findByRole('button', { name: 'Run now' }));
  expect(startBackup).toHaveBeenCalledExactlyOnceWith({ job: 'nightly' });
  await waitFor(() => expect(router.state.location.pathname).toBe('/runs/r1'));
});

test('a job is removed after it was said what that means', async () => {
  const { api } = await show('/jobs/nightly', fakeApi({}, newWorld({ jobs: [jobOf()] })));
  await userEvent.click(await screen.findByRole('button', { name: 'Remove…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Remove the job nightly?' });
  expect(dialog).toHaveTextContent('All backups that it made stay.');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Remove job' }));
  await title('Jobs');
  expect(api.world.jobs).toEqual([]);
});

test('a job that is not there, and one made too early', async () => {
  await show('/jobs/nobody');
  expect(await screen.findByRole('heading', { name: 'There is no job called nobody' })).toBeVisible();
});

test('before there is a server no job can be made', async () => {
  await show('/new-job', fakeApi({}, newWorld({ servers: [] })));
  expect(await screen.findByRole('heading', { name: 'First a database and a place for backups' })).toBeVisible();
});

test('a lost agent: nothing can be saved or switched', async () => {
  const { api } = await show('/jobs/nightly', fakeApi({}, newWorld({ jobs: [jobOf()] })));
  write(await screen.findByLabelText('Job', { selector: 'input' }), 'nightly2');
  Object.assign(api, { status: nobody });
  act(() => api.emit({ kind: 'link', up: false }));
  await waitFor(() => expect(screen.getByRole('button', { name: 'Save job' })).toBeDisabled());
  expect(screen.getByRole('button', { name: 'Run now' })).toBeDisabled();
});
