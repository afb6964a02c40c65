import type { Check, VerifyResult } from '../../api/api';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { Card } from '../../ui/Page';
import { StateIcon, type Look } from '../../ui/StateIcon';
import './run.css';

const names: Record<string, Key> = {
  objects: 'run.check.objects', restore: 'run.check.restore', row_checksums: 'run.check.row_checksums', contents: 'run.check.contents', tables: 'run.check.tables',
  indexes_valid: 'run.check.indexes_valid', constraints_valid: 'run.check.constraints_valid', amcheck: 'run.check.amcheck',
  integrity_check: 'run.check.integrity_check', foreign_key_check: 'run.check.foreign_key_check', row_count: 'run.check.row_count',
};
const looks: Record<Check['status'], Look> = { ok: 'ok', failed: 'bad', skipped: 'off' };

/** What a proof examined, one by one: how it went, how much of it, how long it took. */
export function ProofChecks({ proof }: { proof: VerifyResult }) {
  const { t, format } = useWording();
  return (
    <Card title={t('run.checks')} count={format.count(proof.checks.length)}>
      <ul className="checks in-card">
        {proof.checks.map((c, i) => <Line key={i} check={c} />)}
      </ul>
    </Card>
  );
}

function Line({ check: c }: { check: Check }) {
  const { t, format } = useWording();
  const name = names[c.name];
  return (
    <li>
      <StateIcon look={looks[c.status]} label={t(`run.check.${c.status}`)} />
      <span>
        <span className="med">{name ? t(name) : c.name}</span>
        {c.count !== undefined && c.count > 0 && <span className="dim"> {format.count(c.count)}</span>}
      </span>
      <span className="small mut">{c.status === 'skipped' ? '' : format.duration(c.seconds * 1000)}</span>
      {c.detail && <span className={`sub ${c.status === 'failed' ? 't-bad' : ''}`}>{c.detail}</span>}
    </li>
  );
}
