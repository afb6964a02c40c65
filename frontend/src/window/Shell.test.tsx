import { act, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { fakeApi } from '../api/fake';
import { runOf } from '../api/fixtures';
import { useWording, WordsProvider } from '../i18n/react';
import { newQueryClient } from '../state/queries';
import { connect } from '../state/react';
import { show } from '../test/show';
import { firstWords } from './language';

test('the navigation says where one is, and who goes on begins at the new page', async () => {
  await show();
  const link = await screen.findByRole('link', { name: 'Settings' });
  expect(screen.getByRole('link', { name: 'Dashboard' })).toHaveAttribute('aria-current', 'page');
  await userEvent.click(link);
  expect(await screen.findByRole('heading', { level: 1, name: 'Settings' })).toBeVisible();
  expect(link).toHaveAttribute('aria-current', 'page');
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('main')));
  expect(document.title).toBe('Settings · Rahat Backup');
});

test('the first Tab leads past the navigation', async () => {
  await show();
  await screen.findByRole('heading', { level: 1 });
  await userEvent.tab();
  expect(document.activeElement).toHaveTextContent('Skip to the page');
  await userEvent.keyboard('{Enter}');
  expect(document.activeElement).toBe(screen.getByRole('main'));
});

test('runs are counted in the navigation', async () => {
  const { api } = await show('/help');
  await screen.findByRole('heading', { level: 1 });
  act(() => api.emitRun(runOf()));
  expect(screen.getByRole('link', { name: /^Activity *1 run going on$/ })).toBeVisible();
});

test('a page that is not there says so and leads back', async () => {
  await show('/nowhere/at/all');
  await screen.findByRole('heading', { level: 1, name: 'Page not found' });
  await userEvent.click(within(screen.getByRole('main')).getByRole('link', { name: 'Dashboard' }));
  expect(await screen.findByRole('heading', { level: 1, name: 'All 7 databases protected.' })).toBeVisible();
});

test('somebody outside opens a page', async () => {
  const { api } = await show();
  await screen.findByRole('heading', { level: 1, name: 'All 7 databases protected.' });
  act(() => api.emit({ kind: 'open', route: '/settings' }));
  expect(await screen.findByRole('heading', { level: 1, name: 'Settings' })).toBeVisible();
});

test('a page that breaks leaves the program usable', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const api = fakeApi();
  api.world.databases = [null as never];
  await show('/', api);
  expect(await screen.findByRole('alert')).toHaveTextContent('window.defect');
  expect(screen.getByRole('button', { name: 'Try again' })).toBeEnabled();
  vi.restoreAllMocks();
});

test('without an agent the last language is used, else the browser’s', async () => {
  const client = newQueryClient();
  const agent = connect(fakeApi({ settings: () => Promise.reject(new Error('x')) }), client);
  expect((await firstWords(agent, client)).lang).toBe('en');
  localStorage.setItem('rahat.language', 'tr');
  expect((await firstWords(agent, client)).lang).toBe('tr');
  localStorage.setItem('rahat.language', 'xx');
  expect((await firstWords(agent, client)).lang).toBe('en');
});

test('the first page needs no texts of problems; they follow', async () => {
  const client = newQueryClient();
  const first = await firstWords(connect(fakeApi(), client), client);
  expect(first.texts.say({ code: 'state.protected', params: { n: '7' } })).toBe('All 7 databases protected.');
  const { rerender } = render(<WordsProvider initial={first} lang="en"><Title /></WordsProvider>);
  expect(await screen.findByText('The agent is shutting down', { exact: false })).toBeVisible();
  rerender(<WordsProvider initial={first} lang="tr"><Title /></WordsProvider>);
  await waitFor(() => expect(screen.queryByText('The agent is shutting down', { exact: false })).toBeNull());
});

function Title() {
  return <p>{useWording().texts.problem({ code: 'agent.stopping' }).title}</p>;
}
