import type { Loss } from '../state/live';
import { useAgent, useLink, useNow } from '../state/react';
import { useWording } from '../i18n/react';
import { Button } from './Button';
import { Icon } from './Icon';

/** Says that the agent does not answer, what still works, and when it is tried again. */
export function LostBanner() {
  const link = useLink();
  return link.state === 'lost' ? <Lost {...link} /> : null;
}

function Lost({ retryAt, problem }: Loss) {
  const { t, texts } = useWording();
  const { live } = useAgent();
  const now = useNow(1_000);
  const known = problem && problem.code !== 'control.unreachable' ? texts.problem(problem) : undefined;
  const seconds = retryAt === undefined ? 0 : Math.ceil((retryAt - now.getTime()) / 1000);
  return (
    <div className="banner warn" role="alert">
      <Icon name="lost" size={20} />
      <div className="grow">
        <b>{known ? `${known.title}.` : t('lost.title')}</b> <span className="mut">{known?.remedy ?? t('lost.body')}</span>{' '}
        <span className="mut" aria-hidden="true">{seconds > 0 && t('lost.next', { seconds })}</span>
      </div>
      <Button small onClick={() => live.retry()}>{t(problem?.code === 'window.agent_stopped' ? 'lost.start' : 'lost.try')}</Button>
    </div>
  );
}
