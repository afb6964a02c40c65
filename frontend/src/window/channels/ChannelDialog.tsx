import { Checkbox, PasswordInput, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ChannelStatus } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';
import { freeName } from '../dashboard/names';
import { asks, channelOfForm, formOf, isWhole, kinds, needsSecret, newForm, told, type ChannelForm, type Field } from './kinds';

/** Asks for a way to tell people elsewhere, or changes one. What is secret is sent and never shown again. */
export function ChannelDialog({ channel, taken, onSaved, onClose }: { channel?: ChannelStatus | undefined; taken: readonly string[]; onSaved: (name: string) => void; onClose: () => void }) {
  const { t } = useWording();
  const [form, setForm] = useState(() => (channel ? formOf(channel) : { ...newForm(), name: freeName('email', taken) }));
  const set = (change: Partial<ChannelForm>) => setForm({ ...form, ...change });
  const save = useAct(async (api) => {
    const wanted = channelOfForm(form);
    const kept = await (channel ? api.editChannel(wanted) : api.addChannel(wanted));
    onClose();
    onSaved(kept.name);
  });
  return (
    <Dialog
      title={channel ? t('channels.edit_title', { name: channel.name }) : t('channels.add_title')}
      onClose={onClose}
      onSubmit={() => {
        if (isWhole(form) && !save.isPending) save.mutate(undefined);
      }}
      footer={
        <>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button kind="primary" type="submit" busy={save.isPending} disabled={!isWhole(form)}>{t('channels.save')}</Button>
        </>
      }
    >
      {!channel && (
        <div className="pair-s">
          <Select label={t('channels.kind')} data={kinds.map((k) => ({ value: k, label: t(`channels.kind.${k}`) }))} value={form.kind} onChange={(kind) => kind && setForm({ ...newForm(), kind, name: freeName(kind, taken), on: form.on })} />
          <TextInput label={t('channels.name')} value={form.name} onChange={(e) => set({ name: e.currentTarget.value })} autoComplete="off" spellCheck={false} data-autofocus />
        </div>
      )}
      <Settings form={form} set={set} />
      <fieldset className="plain">
        <legend className="lab">{t('channels.tells')}</legend>
        <div className="ticked">
          {told.map((o) => <Checkbox key={o} label={t(`channels.on.${o}`)} checked={form.on.includes(o)} onChange={(e) => set({ on: e.currentTarget.checked ? [...form.on, o] : form.on.filter((x) => x !== o) })} />)}
        </div>
      </fieldset>
      {channel && <Checkbox label={t('channels.paused')} description={t('channels.paused_help')} checked={form.paused} onChange={(e) => set({ paused: e.currentTarget.checked })} />}
      {save.error && <ProblemLine problem={save.error} />}
    </Dialog>
  );
}

/** The fields of its kind, and its secret. */
function Settings({ form, set }: { form: ChannelForm; set: (change: Partial<ChannelForm>) => void }) {
  const { t } = useWording();
  const field = (name: Field) => ({
    label: t(`channels.field.${name}`), value: form.settings[name] ?? '', spellCheck: false, autoComplete: 'off',
    onChange: (e: React.ChangeEvent<HTMLInputElement>) => set({ settings: { ...form.settings, [name]: e.currentTarget.value } }),
  });
  const shown = asks(form.kind);
  return (
    <>
      {form.kind === 'email' ? (
        <>
          <TextInput {...field('host')} placeholder="smtp.example.com" />
          <div className="pair-s">
            <Select label={t('channels.field.tls')} data={(['starttls', 'tls', 'none'] as const).map((v) => ({ value: v, label: t(`channels.tls.${v}`) }))} value={form.settings.tls ?? 'starttls'} onChange={(tls) => tls && set({ settings: { ...form.settings, tls } })} />
            <TextInput {...field('port')} inputMode="numeric" placeholder={{ tls: '465', none: '25' }[form.settings.tls ?? ''] ?? '587'} />
          </div>
          <div className="pair-s">
            <TextInput {...field('user')} />
            <Secret form={form} set={set} />
          </div>
          <TextInput {...field('from')} placeholder="backup@example.com" />
          <TextInput {...field('to')} description={t('channels.to_help')} />
        </>
      ) : (
        <>
          {shown.includes('url') && <TextInput {...field('url')} placeholder="https://example.com/rahat" />}
          <Secret form={form} set={set} />
          {shown.includes('chat') && <TextInput {...field('chat')} description={t('channels.chat_help')} />}
          {(shown.includes('api') && form.settings.api !== undefined) && <TextInput {...field('api')} />}
        </>
      )}
    </>
  );
}

function Secret({ form, set }: { form: ChannelForm; set: (change: Partial<ChannelForm>) => void }) {
  const { t } = useWording();
  const help = form.kept ? t('channels.secret_kept') : form.kind === 'email' ? undefined : t(`channels.secret_help.${form.kind}`);
  return (
    <PasswordInput
      label={t(`channels.secret.${form.kind}`)}
      description={help}
      value={form.secret}
      required={needsSecret(form) && !form.kept}
      withAsterisk={false}
      onChange={(e) => set({ secret: e.currentTarget.value })}
      autoComplete="off"
      visibilityToggleButtonProps={{ 'aria-label': t('channels.show_secret') }}
    />
  );
}
