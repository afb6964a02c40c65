import type { ReactNode } from 'react';
import type { StatusReport } from '../api/api';
import { useWording } from '../i18n/react';
import { StateIcon, type Look } from './StateIcon';

const looks: Record<string, Look> = { protected: 'ok', attention: 'warn', not_protected: 'bad' };

export function lookOf(state: string): Look {
  return looks[state] ?? 'off';
}

/** How all stands together. Before anything was set up nothing is wrong yet. */
export function lookOfStatus(status: StatusReport): Look {
  return status.headline.code === 'state.nothing' ? 'off' : lookOf(status.state);
}

/** The one sentence, which is the title of the first page. Protected has no box and no colour: red is rare, so it is seen. */
export function StateSentence({ status, now, since, action }: { status: StatusReport; now: Date; since?: Date; action?: ReactNode }) {
  const { t, texts, format } = useWording();
  const sentence = texts.say(status.headline, now);
  const facts = status.facts && texts.say(status.facts, now);
  if (since)
    return (
      <header className="state">
        <StateIcon look="off" size={32} />
        <div className="grow">
          <h1>{t('state.unknown_since', { time: format.clock(since) })}</h1>
          <p>{t('state.then', { sentence })}</p>
        </div>
        {action}
      </header>
    );
  const look = lookOfStatus(status);
  const box = look === 'warn' || look === 'bad' ? `box ${look}` : '';
  return (
    <header className={`state ${box}`}>
      <StateIcon look={look} size={32} />
      <div className="grow">
        <h1>{sentence}</h1>
        {facts && <p>{facts}</p>}
      </div>
      {action}
    </header>
  );
}
