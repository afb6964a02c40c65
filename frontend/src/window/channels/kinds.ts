import type { Channel, ChannelStatus, NewChannel } from '../../api/api';

export type Kind = Channel['kind'];
export type On = NonNullable<Channel['on']>[number];

export const kinds: readonly Kind[] = ['email', 'webhook', 'slack', 'discord', 'teams', 'telegram'];

/** What can be told, in the order of their weight. */
export const told: readonly On[] = ['failure', 'overdue', 'proof', 'digest', 'success'];

/** What a channel is told that does not say. */
const usual: readonly On[] = ['failure', 'overdue', 'proof'];

/** A setting of a channel that the form has a field for. */
export type Field = 'host' | 'port' | 'tls' | 'user' | 'from' | 'to' | 'url' | 'chat' | 'api';

const fields: Record<Kind, readonly Field[]> = {
  email: ['host', 'port', 'tls', 'user', 'from', 'to'], webhook: ['url'], slack: [], discord: [], teams: [], telegram: ['chat', 'api'],
};
const needed: Record<Kind, readonly Field[]> = { email: ['host', 'from', 'to'], webhook: ['url'], slack: [], discord: [], teams: [], telegram: ['chat'] };

/** A channel as the form holds it. A secret that is empty stays as it is. */
export interface ChannelForm {
  name: string;
  kind: Kind;
  settings: Partial<Record<string, string>>;
  on: readonly On[];
  paused: boolean;
  secret: string;
  /** Whether the agent has one already. */
  kept: boolean;
}

export function formOf(c: ChannelStatus): ChannelForm {
  return { name: c.name, kind: c.kind, settings: c.settings ?? {}, on: c.on?.length ? c.on : usual, paused: c.paused ?? false, secret: '', kept: c.secret };
}

export function newForm(): ChannelForm {
  return { name: '', kind: 'email', settings: {}, on: usual, paused: false, secret: '', kept: false };
}

/** The settings that a kind has. */
export function asks(kind: Kind): readonly Field[] {
  return fields[kind];
}

/** Whether a secret must be there: e-mail goes without a login too. */
export function needsSecret(f: Pick<ChannelForm, 'kind' | 'settings'>): boolean {
  return f.kind !== 'email' || Boolean(f.settings.user?.trim());
}

/** Whether all is filled in that the agent needs; what is filled in wrongly, it says itself. */
export function isWhole(f: ChannelForm): boolean {
  const filled = needed[f.kind].every((field) => f.settings[field]?.trim());
  return /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(f.name.trim()) && filled && f.on.length > 0 && (!needsSecret(f) || f.kept || f.secret.trim() !== '');
}

/** What the agent is sent: nothing that is empty, and no setting of another kind. */
export function channelOfForm(f: ChannelForm): NewChannel {
  const settings: Record<string, string> = {};
  for (const field of fields[f.kind]) {
    const value = f.settings[field]?.trim();
    if (value) settings[field] = value;
  }
  return { name: f.name.trim(), kind: f.kind, settings, on: told.filter((o) => f.on.includes(o)), paused: f.paused, ...(f.secret.trim() && { secret: f.secret.trim() }) };
}

/** What a channel is told. */
export function tells(c: Pick<Channel, 'on'>): readonly On[] {
  return c.on?.length ? told.filter((o) => c.on?.includes(o)) : usual;
}
