import type { ReactNode } from 'react';
import type { DatabaseStatus } from '../../api/api';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { useLink } from '../../state/react';
import { TextLink } from '../../ui/Page';
import { Icon } from '../../ui/Icon';
import { StateIcon } from '../../ui/StateIcon';
import { lookOf } from '../../ui/StateSentence';

const states: Record<string, Key> = { protected: 'state.protected', attention: 'state.attention', not_protected: 'state.not_protected' };

/** The database's name as the title, how it stands, and why. */
export function Head({ of: d, now, children }: { of: DatabaseStatus; now: Date; children: ReactNode }) {
  const { t } = useWording();
  const why = useReason(d, now);
  const lost = useLink().state === 'lost';
  const state = d.present ? d.state : 'attention';
  const look = lost ? 'off' : lookOf(state);
  return (
    <div>
      <div className="crumb"><TextLink to="/">{t('nav.dashboard')}</TextLink><Icon name="right" size={12} /></div>
      <header className="state wrap">
        <StateIcon look={look} size={32} label={lost ? t('state.unknown') : t(states[state] ?? 'state.unknown')} />
        <div className="grow">
          <h1 className="cut" title={d.database}><bdi>{d.database}</bdi></h1>
          <p>{why}</p>
        </div>
        {children}
      </header>
    </div>
  );
}

/** Why it stands so, in the words that the first page uses. */
function useReason(d: DatabaseStatus, now: Date): string {
  const { t, texts } = useWording();
  const server = d.server ?? '';
  if (!d.present) return t('database.gone', { server });
  if (!d.readable) return t('database.unreadable', { server });
  if (d.concern) return texts.say({ code: `state.${d.concern}`, params: { server, database: d.database } }, now);
  if (!d.last) return t('database.none', { name: d.database });
  const proven = d.proven?.proof?.at;
  return texts.say({ code: proven ? 'state.facts.proven' : 'state.facts.unproven', params: { newest: d.last.finished, ...(proven && { proven }) } }, now);
}
