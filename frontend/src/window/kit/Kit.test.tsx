import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { fakeApi, newWorld } from '../../api/fake';
import { kitOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';
import * as saving from '../../ui/save';

test('the dashboard reminds of the kit until there is one for every place', async () => {
  const world = newWorld({ recovery: { disk: { kit: new Date().toISOString() } } });
  await show('/', fakeApi({}, world));
  expect(await screen.findByText('There is no recovery kit yet.')).toBeVisible();
  await userEvent.click(screen.getByRole('link', { name: 'Make it now' }));
  expect(await screen.findByRole('heading', { level: 1, name: 'Recovery kit' })).toBeVisible();
});

test('a kit that nobody tried for a year is to be tried', async () => {
  const old = { kit: '2024-01-05T10:00:00Z', drilled: '2024-02-05T10:00:00Z', drill_due: true };
  await show('/', fakeApi({}, newWorld({ recovery: { disk: old, 'office-nas': { kit: new Date().toISOString() } } })), 'tr');
  expect(await screen.findByText('Yedeklerinizin anahtarı bir yılı aşkın süredir denenmedi.')).toBeVisible();
  await userEvent.click(screen.getByRole('link', { name: 'Şimdi dene' }));
  expect(await screen.findByText(/Bir anahtar en son/)).toHaveClass('t-warn');
  expect(screen.getByText('Henüz hiç denenmedi.')).not.toHaveClass('t-warn');
});

test('a kit is shown once, saved, and put away when it is kept', async () => {
  const save = vi.spyOn(saving, 'save').mockResolvedValue(true);
  const makeKit = vi.fn(() => Promise.resolve(kitOf()));
  await show('/recovery-kit', fakeApi({ makeKit }, newWorld({ recovery: {} })), 'tr');
  await userEvent.click(await screen.findByRole('button', { name: 'Kurtarma kitini yap' }));
  expect(await screen.findAllByText('winner')).toHaveLength(3);
  expect(makeKit).toHaveBeenCalledExactlyOnceWith({ language: 'tr' });
  await userEvent.click(screen.getByRole('button', { name: 'PDF olarak kaydet' }));
  await userEvent.click(screen.getByRole('button', { name: 'Metin olarak kaydet' }));
  expect(save.mock.calls.map(([name, type]) => [name, type])).toEqual([['rahat-recovery-kit-2026-11-21.pdf', 'application/pdf'], ['rahat-recovery-kit-2026-11-21.txt', 'text/plain']]);
  const away = screen.getByRole('button', { name: 'Kaldır' });
  expect(away).toBeDisabled();
  await userEvent.click(screen.getByRole('checkbox'));
  await userEvent.click(away);
  expect(screen.queryByText('winner')).toBeNull();
});

test('a key is tried; one that does not open says why', async () => {
  const drillKey = vi.fn(() => Promise.resolve({ ok: true, backups: 9, bytes: 1_000_000, seconds: 4 }));
  const { api } = await show('/recovery-kit', fakeApi({ drillKey }));
  const key = await screen.findByLabelText('Key');
  expect(screen.getByRole('button', { name: 'Try it' })).toBeDisabled();
  fireEvent.change(key, { target: { value: ' legal winner ' } });
  await userEvent.click(screen.getByRole('button', { name: 'Try it' }));
  expect(await screen.findByText(/It opens 9 backups/)).toBeVisible();
  expect(drillKey).toHaveBeenCalledExactlyOnceWith({ destination: 'disk', key: 'legal winner' });
  Object.assign(api, { drillKey: () => Promise.resolve({ ok: false, backups: 0, bytes: 0, seconds: 1, problem: { code: 'recoverykit.words_mistyped' } }) });
  await userEvent.click(screen.getByRole('button', { name: 'Try it' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('do not belong together');
});

test('what failed, no place yet, and a lost agent', async () => {
  const { api } = await show('/recovery-kit', fakeApi({ recovery: () => Promise.reject(new Problem({ code: 'catalog.damaged', detail: 'x' })) }, newWorld({ destinations: [] })));
  expect(await screen.findByRole('alert')).toHaveTextContent('catalog.damaged');
  Object.assign(api, { recovery: () => fakeApi().recovery().then(() => []) });
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('heading', { name: 'No place for backups yet' })).toBeVisible();
});

test('without an agent no kit is made', async () => {
  const { api } = await show('/recovery-kit', fakeApi({}, newWorld({ recovery: {} })));
  const make = await screen.findByRole('button', { name: 'Make the recovery kit' });
  Object.assign(api, { status: () => Promise.reject(new Problem({ code: 'control.unreachable' })) });
  act(() => api.emit({ kind: 'link', up: false }));
  await waitFor(() => expect(make).toBeDisabled());
});
