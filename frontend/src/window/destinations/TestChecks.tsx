import type { DestinationCheck } from '../../api/api';
import { useWording } from '../../i18n/react';
import { StateIcon, type Look } from '../../ui/StateIcon';

const looks: Record<DestinationCheck['status'], Look> = { ok: 'ok', warning: 'warn', failed: 'bad', skipped: 'off' };

/** What was tried at a place, one by one: whether it went well, and if not what to do. */
export function TestChecks({ checks }: { checks: readonly DestinationCheck[] }) {
  const { t } = useWording();
  return (
    <ul className="checks" aria-label={t('place.checks')}>
      {checks.map((c) => <Line key={c.name} check={c} />)}
    </ul>
  );
}

function Line({ check: c }: { check: DestinationCheck }) {
  const { t, texts, format } = useWording();
  const problem = c.problem && texts.problem(c.problem);
  const speed = c.bytes && c.seconds > 0 ? format.speed(c.bytes / c.seconds) : '';
  return (
    <li>
      <StateIcon look={looks[c.status]} label={t(`place.state.${c.status}`)} />
      <span className="med">{t(`place.check.${c.name}`)}</span>
      <span className="small mut">{c.status === 'skipped' ? t('place.state.skipped') : speed}</span>
      {problem && <span className="sub"><b className={c.status === 'failed' ? 't-bad' : 't-warn'}>{problem.title}</b> {problem.remedy}</span>}
    </li>
  );
}
