import { useWording } from '../i18n/react';

/**
 * How old the newest backup is. Where an age is allowed, a bar shows how much of
 * it is used up; past it the bar is hatched.
 */
export function FreshnessBar({ at, now, allowed }: { at: string; now: Date; allowed?: number }) {
  const { t, format } = useWording();
  const when = new Date(at);
  if (allowed === undefined) return <time dateTime={at} title={format.time(when)}>{format.ago(when, now)}</time>;
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
