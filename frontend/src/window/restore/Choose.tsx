import { useMediaQuery } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import type { Backup, Server } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { ProblemCard } from '../../ui/ProblemCard';
import { TablesCard } from '../browse/TablesCard';
import { Checks, useVerdict } from './Checks';
import { useRestoreForm, type RestoreForm } from './useRestoreForm';
import { When } from './When';
import { Where } from './Where';

/** The first step: what is restored, where to, and whether that can be. */
export function Choose({ backup, servers }: { backup: Backup; servers: readonly Server[] }) {
  const form = useRestoreForm(backup, servers);
  const narrow = useMediaQuery('(max-width: 960px)', false, { getInitialValueInEffect: false });
  const navigate = useNavigate();
  const start = useAct(async (api) => {
    const [run] = (await api.restore(form.backup.id, form.request)).runs;
    if (run) await navigate({ to: '/restore/$backup', params: { backup: form.backup.id }, search: { run } });
  });
  const go = <Go form={form} busy={start.isPending} onGo={() => start.mutate(undefined)} />;
  return (
    <>
      {start.error && <ProblemCard problem={start.error} />}
      <div className="pair">
        <div className="col gap-4">
          <When form={form} />
          <Where form={form} />
          <TablesCard key={form.backup.id} backup={form.backup} />
        </div>
        <aside className="col gap-4">
          <Checks form={form} />
          {!narrow && go}
        </aside>
      </div>
      {narrow && <Foot form={form}>{go}</Foot>}
    </>
  );
}

/** The decisive button. While it is locked it says what is missing. */
function Go({ form, busy, onGo }: { form: RestoreForm; busy: boolean; onGo: () => void }) {
  const { t } = useWording();
  const missing = useMissing(form);
  const over = form.overwrite;
  return (
    <Button className="full" kind={over === undefined ? 'primary' : 'danger'} icon={missing ? 'lock' : 'restore'} disabled={missing !== undefined} busy={busy} onClick={onGo}>
      {missing ?? (over === undefined ? t(form.backup.engine === 'sqlite' ? 'restore.go_file' : 'restore.go') : t('restore.go_over', { name: over }))}
    </Button>
  );
}

function useMissing(form: RestoreForm): string | undefined {
  const { t, texts } = useWording();
  const mayAct = useCanAct();
  if (!mayAct) return t('restore.need_agent');
  if (form.server === '') return t('restore.need_server');
  if (form.overwrite === undefined && form.name.trim() === '' && !form.checking && !form.problem) return t('restore.need_name');
  if (form.problem) return t('restore.need_mend', { what: texts.problem(form.problem).title });
  if (!form.check) return t('restore.need_checks');
  const hindrance = form.check.checks.find((c) => c.status === 'failed');
  if (hindrance) return t('restore.need_mend', { what: t(`restore.mend.${hindrance.name}`) });
  return form.check.ok ? undefined : t('restore.hindered');
}

/** In a small window the decisive button stands at the foot, where it is always seen. */
function Foot({ form, children }: { form: RestoreForm; children: React.ReactNode }) {
  const verdict = useVerdict(form);
  const { texts } = useWording();
  const hindrance = form.check?.checks.find((c) => c.status === 'failed')?.problem;
  return (
    <div className="foot-s">
      <span className="grow small">{hindrance ? texts.problem(hindrance).title : verdict}</span>
      <span>{children}</span>
    </div>
  );
}
