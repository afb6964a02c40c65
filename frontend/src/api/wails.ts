import type { Api, Event, ProblemBody } from './api';
import { httpApi } from './http';

/** What the window's Go side offers; the names of its events are a contract with package window. */
interface Runtime {
  EventsOn(name: string, on: (...args: never[]) => void): () => void;
  EventsEmit(name: string, ...args: unknown[]): void;
}

declare global {
  interface Window {
    runtime?: Runtime;
  }
}

/**
 * In the window the Go side proxies /api and holds the stream of events, since on
 * Windows a streamed answer never reaches the page. It connects anew by itself.
 */
export function wailsApi(runtime: Runtime): Api {
  return httpApi((on) => {
    const off = [
      runtime.EventsOn('agent:event', (event: Event) => on({ kind: 'event', event })),
      runtime.EventsOn('agent:link', (up: boolean, problem?: ProblemBody) => on(up ? { kind: 'link', up, resumed: false } : { kind: 'link', up, ...(problem && { problem }) })),
      runtime.EventsOn('open', (route: string) => on({ kind: 'open', route })),
    ];
    runtime.EventsEmit('page:ready');
    return {
      retry: () => runtime.EventsEmit('agent:retry'),
      close: () => off.forEach((f) => f()),
    };
  });
}
