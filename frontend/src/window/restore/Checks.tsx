import type { RestoreCheckItem } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Page';
import { ProblemLine } from '../../ui/ProblemCard';
import { StateIcon, type Look } from '../../ui/StateIcon';
import type { RestoreForm } from './useRestoreForm';

const names: readonly RestoreCheckItem['name'][] = ['backup', 'connection', 'name', 'version', 'rights', 'roles', 'space'];
const looks: Record<RestoreCheckItem['status'] | 'pending', Look> = { ok: 'ok', warning: 'warn', failed: 'bad', skipped: 'off', pending: 'run' };

/** What the checks come to, in a word or two. */
export function useVerdict(form: RestoreForm): string {
  const { t } = useWording();
  if (form.checking) return t('restore.checking');
  if (!form.check) return '';
  const warnings = form.check.checks.filter((c) => c.status === 'warning').length;
  if (!form.check.ok) return t('restore.hindered');
  return warnings > 0 ? t('restore.warned', { count: warnings }) : t('restore.ready');
}

/** Everything that is looked at before a restore, one by one. */
export function Checks({ form }: { form: RestoreForm }) {
  const { t } = useWording();
  const verdict = useVerdict(form);
  const { check } = form;
  const items = check?.checks ?? (form.checking ? names.map((name) => ({ name, status: 'pending' as const })) : []);
  const again = !form.checking && (form.problem !== undefined || check?.ok === false);
  return (
    <Card title={t('restore.checks')} end={<span className={`small ${check?.ok ? 't-ok' : 'mut'}`} role="status">{verdict}</span>}>
      {form.problem && <div className="in-card"><ProblemLine problem={form.problem} /></div>}
      <ul className="checks in-card">
        {items.map((c, i) => <Item key={i} of={c} />)}
      </ul>
      {again && <div className="card-b"><Button small icon="again" onClick={form.recheck}>{t('restore.again')}</Button></div>}
    </Card>
  );
}

function Item({ of: c }: { of: { name: RestoreCheckItem['name']; status: RestoreCheckItem['status'] | 'pending'; problem?: RestoreCheckItem['problem'] } }) {
  const { t, texts } = useWording();
  const problem = c.problem && texts.problem(c.problem);
  return (
    <li>
      <StateIcon look={looks[c.status]} label={t(`restore.state.${c.status}`)} />
      <span className="med">{problem?.title ?? t(`restore.check.${c.name}`)}</span>
      {c.status === 'skipped' && !problem && <span className="dim small">{t('restore.state.skipped')}</span>}
      {problem && <span className="sub">{problem.remedy}</span>}
    </li>
  );
}
