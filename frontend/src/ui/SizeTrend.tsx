import { useWording } from '../i18n/react';
import { Sparkline } from './Sparkline';

/** How a size went over the last backups; readers hear the first and the last. */
export function SizeTrend({ values }: { values: readonly number[] }) {
  const { t, format } = useWording();
  const first = values[0];
  const last = values.at(-1);
  if (values.length < 2 || first === undefined || last === undefined) return null;
  const words = t('trend.label', { count: values.length, first: format.bytes(first), last: format.bytes(last) });
  return (
    <span role="img" aria-label={words} title={words}>
      <Sparkline values={values} />
    </span>
  );
}
