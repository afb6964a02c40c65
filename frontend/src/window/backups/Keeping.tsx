import { useQuery } from '@tanstack/react-query';
import type { Backup, RetentionEntry } from '../../api/api';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { StateIcon } from '../../ui/StateIcon';

const reasons: Record<string, Key> = {
  last: 'why.last', hourly: 'why.hourly', daily: 'why.daily', weekly: 'why.weekly', monthly: 'why.monthly', yearly: 'why.yearly', young: 'why.young',
  pinned: 'why.pinned', last_good: 'why.last_good', last_proven: 'why.last_proven', no_rule: 'why.no_rule', failing: 'why.failing', ahead: 'why.ahead',
};

/** Why a backup stays, in words. */
export function useReasons() {
  const { t, lang } = useWording();
  return (e: RetentionEntry) => {
    const why = (e.why ?? []).map((w) => {
      const key = reasons[w];
      return key ? t(key) : w;
    });
    return new Intl.ListFormat(lang, { type: 'conjunction' }).format(why);
  };
}

/** What the rules say of one backup at each place: why it stays, or that it would go. */
export function Keeping({ of: b }: { of: Backup }) {
  const { t } = useWording();
  const asked = useQuery(useAgent().questions.prunePreview);
  if (!asked.data) return asked.isError ? <p className="small dim">{t('why.unknown')}</p> : null;
  const mine = asked.data.backups.filter((e) => e.backup === b.id);
  if (mine.length === 0) return <p className="small mut">{t('why.no_job')}</p>;
  return (
    <ul className="col gap-1 small" aria-label={t('why.title')}>
      {mine.map((e) => <Line key={e.destination} of={e} />)}
    </ul>
  );
}

function Line({ of: e }: { of: RetentionEntry }) {
  const { t } = useWording();
  const why = useReasons();
  return (
    <li className="row top">
      <StateIcon look={e.keep ? 'ok' : 'warn'} size={12} />
      <span><b><bdi>{e.destination}</bdi></b>: {e.keep ? t('why.stays', { why: why(e) }) : t('why.goes')}</span>
    </li>
  );
}
