import { Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useWording } from '../../i18n/react';
import { useDatabases } from '../../state/react';
import { LinkButton } from '../../ui/Button';
import { ConfirmByName } from '../../ui/ConfirmByName';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { StateIcon } from '../../ui/StateIcon';
import type { RestoreForm } from './useRestoreForm';

/** The server and the new name. Overwriting is not a switch here: a link leads to its own question. */
export function Where({ form }: { form: RestoreForm }) {
  const { t, texts } = useWording();
  const free = form.check?.checks.some((c) => c.name === 'name' && c.status === 'ok');
  const taken = form.check?.checks.find((c) => c.name === 'name' && c.status === 'failed');
  return (
    <Card title={t('restore.where')}>
      <div className="card-b col gap-3">
        <div className="two">
          <Select
            label={t('restore.server')}
            data={form.servers.map((s) => ({ value: s.name, label: `${s.name} · ${s.address}` }))}
            value={form.server || null}
            onChange={(s) => s && form.chooseServer(s)}
            leftSection={<Icon name="server" />}
          />
          {form.overwrite === undefined && (
            <TextInput
              label={t(form.backup.engine === 'sqlite' ? 'restore.file' : 'restore.name')}
              value={form.name}
              onChange={(e) => form.type(e.currentTarget.value)}
              rightSection={free && <StateIcon look="ok" />}
              error={taken && (taken.problem ? texts.problem(taken.problem).title : true)}
              autoComplete="off"
              spellCheck={false}
            />
          )}
        </div>
        {form.overwrite === undefined ? <Safe form={form} /> : <Dangerous form={form} name={form.overwrite} />}
      </div>
    </Card>
  );
}

/** What the new name leaves as it is, and the way to the dangerous one where there is something to overwrite. */
function Safe({ form }: { form: RestoreForm }) {
  const { t } = useWording();
  const [asking, setAsking] = useState(false);
  const { database: name } = form.backup;
  const there = useDatabases().data?.databases.find((d) => d.server === form.server && d.database === name && d.present);
  if (!there) return null;
  return (
    <div className="row wrap small">
      <Icon name="lock" size={14} />
      <span className="mut">{t('restore.untouched', { name })}</span>
      <button type="button" className="link push" onClick={() => setAsking(true)}>{t('restore.overwrite', { name })}</button>
      {asking && <Overwrite form={form} sizeBytes={there.size_bytes} onClose={() => setAsking(false)} />}
    </div>
  );
}

function Overwrite({ form, sizeBytes, onClose }: { form: RestoreForm; sizeBytes: number; onClose: () => void }) {
  const { t, format } = useWording();
  const { database: name, finished } = form.backup;
  const { server } = form;
  return (
    <ConfirmByName
      title={t('restore.over_title', { name })}
      name={name}
      action={t('restore.over_choose')}
      loss={
        <div className="col gap-2">
          <p>{t('restore.over_loss', { name, server, time: format.time(new Date(finished)) })} {sizeBytes > 0 && t('restore.over_size', { size: format.bytes(sizeBytes) })}</p>
          <p className="mut">{t('restore.over_until')}</p>
          <div><LinkButton small icon="backup" to="/databases/$server/$database" params={{ server, database: name }}>{t('restore.over_first')}</LinkButton></div>
        </div>
      }
      onConfirm={() => {
        form.setOverwrite(name);
        onClose();
      }}
      onClose={onClose}
    />
  );
}

function Dangerous({ form, name }: { form: RestoreForm; name: string }) {
  const { t } = useWording();
  return (
    <div className="banner warn" role="status">
      <StateIcon look="warn" />
      <span className="grow">{t('restore.over_on', { name, server: form.server })}</span>
      <button type="button" className="link" onClick={() => form.setOverwrite(undefined)}>{t('restore.over_off')}</button>
    </div>
  );
}
