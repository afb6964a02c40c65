import { useWording } from '../i18n/react';
import { StateIcon } from './StateIcon';

/**
 * How old the newest backup is. Where an age is allowed, a bar shows how much of
 * it is used up; past it the bar is hatched. Without one only the agent knows
 * whether it is overdue.
 */
export function FreshnessBar({ at, now, allowed, overdue = false }: { at: string; now: Date; allowed?: number; overdue?: boolean }) {
  const { t, format } = useWording();
  const when = new Date(at);
  if (allowed === undefined) {
    const age = <time dateTime={at} title={format.time(when)}>{format.ago(when, now)}</time>;
    return overdue ? <span className="row g1 t-warn"><StateIcon look="warn" size={12} /><span className="cut">{age}, {t('freshness.overdue')}</span></span> : age;
  }
  const age = now.getTime() - when.getTime();
  const look = age > allowed ? 'bad' : age > allowed * 0.9 ? 'warn' : '';
  const words = t('freshness.of', { age: format.age(age), allowed: format.age(allowed) });
  return (
    <span className="fresh" title={format.time(when)}>
      <span className={`bar ${look}`} role="meter" aria-label={t('freshness.label')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.min(100, Math.round((age / allowed) * 100))} aria-valuetext={words}>
        <i style={{ width: `${Math.min(100, (age / allowed) * 100)}%` }} />
      </span>
      <span>{words}</span>
    </span>
  );
}
