import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import { fakeApi } from '../../api/fake';
import { jobOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import * as saving from '../../ui/save';
import { show } from '../../test/show';
import { readConfig } from './ConfigLine';
import { scripted } from './ImportDialog';

afterEach(() => vi.restoreAllMocks());

const config = (over: object = {}) => ({ kind: 'rahat configuration', version: 1, program: '0.3.0', written: '2026-11-21T10:18:00Z', machine: 'other', servers: [{ name: 'main', engine: 'postgres', address: 'h' }], destinations: [], jobs: [jobOf({ name: 'new' }), jobOf({ name: 'everything' })], channels: [], ...over });
const choose = async (content: unknown) => {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await userEvent.upload(await screen.findByLabelText('Configuration file'), new File([text], 'rahat.json', { type: 'application/json' }));
};

test('what is no JSON, or far too large, is no configuration', async () => {
  const text = (s: string) => () => Promise.resolve(s);
  await expect(readConfig({ size: 4, text: text('%PDF') })).rejects.toMatchObject({ code: 'config.not_one' });
  await expect(readConfig({ size: 2_000_000, text: text('{}') })).rejects.toMatchObject({ code: 'config.not_one' });
  expect(await readConfig({ size: 9, text: text('{"a":"ı"}') })).toEqual({ a: 'ı' });
});

test('jobs with commands are found in whatever file', () => {
  expect(scripted(config({ jobs: [jobOf({ name: 'a', before: [{ kind: 'command', text: 'rm' }] }), jobOf({ name: 'b' })] }))).toEqual(['a']);
  for (const odd of [null, 3, [], { jobs: 'x' }]) expect(scripted(odd)).toEqual([]);
});

test('the configuration is saved as a file', async () => {
  const save = vi.spyOn(saving, 'save').mockResolvedValue(true);
  await show('/settings');
  await userEvent.click(await screen.findByRole('button', { name: 'Export' }));
  expect(await screen.findByText('Saved')).toBeVisible();
  const [name, type, content] = save.mock.calls[0]!;
  expect([name, type]).toEqual([expect.stringMatching(/^rahat-deniz-pc-\d{4}-\d\d-\d\d\.json$/), 'application/json']);
  expect(JSON.parse(content as string)).toMatchObject({ kind: 'rahat configuration', version: 1 });
});

test('what could not be saved says why', async () => {
  vi.spyOn(saving, 'save').mockRejectedValue(new Problem({ code: 'window.not_saved', params: { path: '/x', cause: 'no room' } }));
  await show('/settings');
  await userEvent.click(await screen.findByRole('button', { name: 'Export' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('could not be saved to /x: no room');
});

test('an import is shown before it is made', async () => {
  const { api } = await show('/settings');
  const bring = vi.spyOn(api, 'importConfig');
  await choose(config());
  const dialog = await screen.findByRole('dialog', { name: 'What this configuration would change' });
  await waitFor(() => expect(dialog).toHaveTextContent('Is addedJob new'));
  expect(dialog).toHaveTextContent('Is there already and different: stays as it isJob everything');
  expect(dialog).toHaveTextContent('Needs a password or key here before it worksServer main');
  await userEvent.click(screen.getByLabelText('Change what is there under the same name too'));
  await waitFor(() => expect(dialog).toHaveTextContent('Is changedJob everything'));
  expect(bring.mock.calls.every(([c]) => c.dry_run)).toBe(true);
  await userEvent.click(screen.getByRole('button', { name: 'Bring it in' }));
  expect(await screen.findByText('The configuration is in place.')).toBeVisible();
  expect(bring.mock.calls.at(-1)?.[0]).toEqual({ file: config(), replace: true });
});

test('a file of a newer version changes nothing and says so', async () => {
  await show('/settings', fakeApi());
  await choose(config({ version: 7 }));
  expect(await screen.findByRole('alert')).toHaveTextContent('written by a newer version (form 7, this one knows 1)');
  expect(screen.getByRole('button', { name: 'Bring it in' })).toBeDisabled();
});

test('another file is no configuration, and the commands in one are told', async () => {
  await show('/settings');
  await choose('not JSON');
  expect(await screen.findByRole('alert')).toHaveTextContent('This is no exported configuration');
  await choose(config({ jobs: [jobOf({ name: 'wild', after: [{ kind: 'command', text: 'x' }] })] }));
  expect(await screen.findByText(/These jobs run commands that are in the file: wild/)).toBeVisible();
});
