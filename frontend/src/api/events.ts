import type { Event, Subscribe } from './api';

const longestWait = 4_000;

/**
 * The agent's events by EventSource. It connects anew by itself, at the place
 * where the reader stands: the browser's own reconnecting would ask for the
 * first address again and gives up on an answer that is not 200.
 */
export const eventStream: Subscribe = (on, position) => {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = 0;

  const connect = () => {
    clearTimeout(timer);
    source?.close();
    const from = position();
    const query = from ? `?${new URLSearchParams({ after: String(from.seq), epoch: from.epoch }).toString()}` : '';
    source = new EventSource(`api/events${query}`);
    source.onopen = () => {
      wait = 0;
      on({ kind: 'link', up: true, resumed: from !== undefined });
    };
    source.onmessage = (m: MessageEvent<string>) => on({ kind: 'event', event: JSON.parse(m.data) as Event });
    source.onerror = lost;
  };
  const lost = () => {
    source?.close();
    wait = Math.min(Math.max(wait * 2, 1_000), longestWait);
    timer = setTimeout(connect, wait);
    on({ kind: 'link', up: false, retryAt: Date.now() + wait });
  };

  connect();
  return {
    retry: connect,
    close() {
      clearTimeout(timer);
      source?.close();
    },
  };
};
