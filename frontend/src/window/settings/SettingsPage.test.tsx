import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import type { Settings } from '../../api/api';
import { fakeApi, newWorld } from '../../api/fake';
import { settingsOf } from '../../api/fixtures';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';

afterEach(() => vi.unstubAllGlobals());

test('another language is shown as soon as the agent kept it, and remembered', async () => {
  const { api } = await show('/settings');
  await userEvent.click(await screen.findByRole('radio', { name: 'Türkçe' }));
  expect(await screen.findByRole('heading', { level: 1, name: 'Ayarlar' })).toBeVisible();
  expect(api.world.settings.language).toBe('tr');
  expect(document.documentElement.lang).toBe('tr');
  expect(localStorage.getItem('rahat.language')).toBe('tr');
});

test('colours', async () => {
  await show('/settings');
  expect(document.documentElement).toHaveAttribute('data-mantine-color-scheme', 'light');
  await userEvent.click(await screen.findByRole('radio', { name: 'Dark' }));
  await waitFor(() => expect(document.documentElement).toHaveAttribute('data-mantine-color-scheme', 'dark'));
});

test('notifications and start at login', async () => {
  const { api } = await show('/settings');
  await userEvent.click(await screen.findByRole('radio', { name: 'Problems only' }));
  await userEvent.click(screen.getByRole('switch', { name: 'Start at login' }));
  await waitFor(() => expect(api.world.settings).toMatchObject({ notify: 'problems', start_at_login: false }));
});

test('where nothing can start at login, it is said and cannot be switched', async () => {
  await show('/settings', fakeApi({}, newWorld({ settings: settingsOf({ start_at_login: false, at_login_possible: false }) })));
  const login = await screen.findByRole('switch', { name: 'Start at login' });
  expect(login).toBeDisabled();
  expect(login).toHaveAccessibleDescription(/cannot start programs at login/);
});

test('what could not be kept is told, and the old choice stays', async () => {
  const saveSettings = vi.fn<(s: Settings) => Promise<Settings>>(() => Promise.reject(new Problem({ code: 'catalog.no_space' })));
  await show('/settings', fakeApi({ saveSettings }));
  await userEvent.click(await screen.findByRole('radio', { name: 'Dark' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('catalog.no_space');
  expect(document.documentElement).toHaveAttribute('data-mantine-color-scheme', 'light');
});

test('backups are paused and resumed', async () => {
  const { api } = await show('/settings');
  await userEvent.click(await screen.findByRole('button', { name: 'Pause backups' }));
  await userEvent.click(await screen.findByRole('button', { name: 'Resume backups' }));
  expect(await screen.findByRole('button', { name: 'Pause backups' })).toBeVisible();
  expect(api.world.status.paused).toBe(false);
});

test('without an answer nothing can be chosen', async () => {
  const nobody = () => Promise.reject(new Problem({ code: 'control.unreachable' }));
  const { api } = await show('/settings');
  await screen.findByRole('radio', { name: 'Dark' });
  Object.assign(api, { status: nobody, settings: nobody });
  api.emit({ kind: 'link', up: false });
  await waitFor(() => expect(screen.getByRole('radio', { name: 'Dark' })).toBeDisabled());
});

test('licences are read from what the build wrote', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('# Licenses\nreact MIT')));
  await show('/settings');
  await userEvent.click(await screen.findByRole('link', { name: 'Licences of what these pages are made of' }));
  expect(await screen.findByText(/react MIT/)).toBeVisible();
});

test('a build without licences says so', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 404 })));
  await show('/licences');
  expect(await screen.findByRole('alert')).toHaveTextContent('HTTP 404');
});
