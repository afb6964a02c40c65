import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { ChannelTest, NewChannel } from '../../api/api';
import { fakeApi, newWorld } from '../../api/fake';
import { Problem } from '../../api/problem';
import { channelOf } from '../../api/setup';
import { show } from '../../test/show';
import { channelOfForm, formOf, isWhole, newForm, tells } from './kinds';

const line = async (name: string) => (await screen.findByText(name)).closest('li')!;
const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

test('what each kind needs', () => {
  const mail = { ...newForm(), name: 'mail', settings: { host: 'h', from: 'a@b.c', to: 'd@e.f' } };
  expect(isWhole(mail)).toBe(true);
  expect(isWhole({ ...mail, settings: { ...mail.settings, user: 'u' } })).toBe(false); // a login has a password
  expect(isWhole({ ...mail, settings: { ...mail.settings, user: 'u' }, kept: true })).toBe(true);
  expect(isWhole({ ...mail, settings: { ...mail.settings, to: ' ' } })).toBe(false);
  expect(isWhole({ ...mail, name: 'with blanks' })).toBe(false);
  expect(isWhole({ ...mail, on: [] })).toBe(false);
  expect(isWhole({ ...newForm(), name: 'team', kind: 'slack' })).toBe(false);
  expect(isWhole({ ...newForm(), name: 'team', kind: 'slack', secret: 'https://x' })).toBe(true);
});

test('only what belongs to the kind is sent, and no empty secret', () => {
  expect(channelOfForm({ ...newForm(), name: ' bot ', kind: 'telegram', settings: { chat: ' 42 ', host: 'left over' }, on: ['success', 'failure'], secret: ' 1:A ' })).toEqual({ name: 'bot', kind: 'telegram', settings: { chat: '42' }, on: ['failure', 'success'], paused: false, secret: '1:A' });
  expect(channelOfForm(formOf(channelOf()))).not.toHaveProperty('secret');
  expect(tells({})).toEqual(['failure', 'overdue', 'proof']);
});

test('the list says what each is told, and what became of its messages', async () => {
  await show('/settings');
  expect(await line('mail')).toHaveTextContent('Told of: failures, backups that did not run, proofs that failed or are too old, a digest every evening.');
  const team = await line('team');
  expect(team).toHaveTextContent('2 messages wait.');
  expect(team).toHaveTextContent('hooks.slack.com does not accept the address or token');
  expect(within(team).getByRole('img', { name: 'failing' })).toBeVisible();
  expect(await line('hook')).toHaveTextContent('Paused: it is told nothing.');
});

test('a channel is added and tried', async () => {
  const addChannel = vi.fn((c: NewChannel) => Promise.resolve(c));
  await show('/settings', fakeApi({ addChannel }, newWorld({ channels: [] })));
  expect(await screen.findByText(/Nobody elsewhere is told anything yet/)).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Add…' }));
  const save = await screen.findByRole('button', { name: 'Save' });
  expect(save).toBeDisabled();
  type('Mail server (SMTP)', 'smtp.example.com');
  type('User (if it wants a login)', 'backup');
  type('Password', 'secret word');
  type('From', 'backup@example.com');
  type('To', 'ayşe@example.com');
  await userEvent.click(screen.getByLabelText('Every evening, what went well'));
  await userEvent.click(save);
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(addChannel).toHaveBeenCalledExactlyOnceWith({
    name: 'email', kind: 'email', settings: { host: 'smtp.example.com', user: 'backup', from: 'backup@example.com', to: 'ayşe@example.com' }, on: ['failure', 'overdue', 'proof', 'digest'], paused: false, secret: 'secret word',
  });
});

test('what the agent refuses stays in the dialog', async () => {
  const addChannel = () => Promise.reject(new Problem({ code: 'message.bad_address', params: { value: 'nobody', setting: 'to' } }));
  await show('/settings', fakeApi({ addChannel }));
  await userEvent.click(await screen.findByRole('button', { name: 'Add…' }));
  await screen.findByRole('dialog');
  type('Mail server (SMTP)', 'smtp.example.com');
  type('From', 'backup@example.com');
  type('To', 'nobody');
  await userEvent.click(screen.getByRole('button', { name: 'Save' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('“nobody” in to is not an e-mail address');
  expect(screen.getByLabelText('To')).toHaveValue('nobody');
});

test('the secret is never shown again, and stays when nothing is typed', async () => {
  const { api } = await show('/settings');
  const edit = vi.spyOn(api, 'editChannel');
  await userEvent.click(await screen.findByRole('button', { name: 'Change: team' }));
  expect(await screen.findByLabelText('Address of the incoming webhook')).toHaveValue('');
  expect(screen.getByText(/Leave this empty and it stays/)).toBeVisible();
  await userEvent.click(screen.getByLabelText('Pause it'));
  await userEvent.click(screen.getByRole('button', { name: 'Save' }));
  await waitFor(() => expect(edit).toHaveBeenCalledExactlyOnceWith({ name: 'team', kind: 'slack', settings: {}, on: ['failure', 'overdue', 'proof'], paused: true }));
});

test('a test message says in words how it went', async () => {
  let answer: ChannelTest = { ok: true, seconds: 1.2 };
  await show('/settings', fakeApi({ testChannel: () => Promise.resolve(answer) }));
  const button = await screen.findByRole('button', { name: 'Send a test: mail' });
  await userEvent.click(button);
  expect(await screen.findByText('A test message was taken by mail in 1.2 s. See whether it arrived.')).toBeVisible();
  answer = { ok: false, seconds: 1, problem: { code: 'message.login_refused', params: { host: 'smtp.example.com', user: 'backup', reason: '535' } } };
  await userEvent.click(button);
  expect(await within(await line('mail')).findByRole('alert')).toHaveTextContent('does not let backup log in');
});

test('removal says what is dropped', async () => {
  const { api } = await show('/settings', fakeApi(), 'tr');
  await userEvent.click(await screen.findByRole('button', { name: 'Kaldır: team' }));
  expect(await screen.findByRole('dialog')).toHaveTextContent('Bekleyen 2 ileti bırakılır.');
  await userEvent.click(screen.getByRole('button', { name: 'Kaldır' }));
  await waitFor(() => expect(api.world.channels.map((c) => c.name)).toEqual(['mail', 'hook']));
});

test('a list that cannot be read can be asked for again', async () => {
  let broken = true;
  const api = fakeApi();
  const channels = api.channels.bind(api);
  api.channels = () => (broken ? Promise.reject(new Problem({ code: 'catalog.damaged' })) : channels());
  await show('/settings', api);
  expect(await screen.findByRole('alert')).toHaveTextContent('catalog.damaged');
  broken = false;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await line('mail')).toBeVisible();
});
