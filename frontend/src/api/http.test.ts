import { afterEach, expect, test, vi } from 'vitest';
import { httpApi } from './http';
import { Problem } from './problem';
import { wailsApi } from './wails';
import type { Signal } from './api';

afterEach(() => vi.unstubAllGlobals());

function answer(status: number, body?: unknown) {
  const f = vi.fn<(r: Request) => Promise<Response>>(() => Promise.resolve(new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { 'content-type': status < 300 ? 'application/json' : 'application/problem+json' } })));
  vi.stubGlobal('fetch', f);
  return f;
}

async function problemFrom(call: Promise<unknown>): Promise<Problem> {
  const e: unknown = await call.then(() => undefined, (x: unknown) => x);
  expect(e).toBeInstanceOf(Problem);
  return e as Problem;
}

test('an answer is passed on', async () => {
  const f = answer(202, { runs: ['r1'] });
  expect(await httpApi().startBackup({ server: 'a/b', databases: ['x'] })).toEqual({ runs: ['r1'] });
  expect(f.mock.calls[0]?.[0].method).toBe('POST');
});

test('names are written into addresses safely', async () => {
  const f = answer(204);
  await httpApi().removeServer('a/b ö');
  expect(f.mock.calls[0]?.[0].url).toContain('/api/servers/a%2Fb%20%C3%B6');
});

test('a refusal is the agent’s problem', async () => {
  answer(409, { code: 'agent.server_exists', params: { name: 'main' }, detail: 'x' });
  const p = await problemFrom(httpApi().servers());
  expect(p).toMatchObject({ code: 'agent.server_exists', params: { name: 'main' }, status: 409, unreachable: false });
});

test('nobody there is told as such, however it shows', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  expect((await problemFrom(httpApi().status())).unreachable).toBe(true);
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('<html>Bad gateway</html>', { status: 502 })));
  expect((await problemFrom(httpApi().status())).unreachable).toBe(true);
});

test('the window hears events from its Go side', () => {
  const on = new Map<string, (...args: never[]) => void>();
  const sent: string[] = [];
  const got: Signal[] = [];
  const api = wailsApi({
    EventsOn: (name, f) => {
      on.set(name, f);
      return () => on.delete(name);
    },
    EventsEmit: (name) => sent.push(name),
  });
  const stream = api.subscribe((s) => got.push(s), () => undefined);
  expect(sent).toEqual(['page:ready']);
  const tell = (name: string, ...args: unknown[]) => on.get(name)?.(...(args as never[]));
  tell('agent:link', false, { code: 'window.agent_stopped' });
  tell('agent:link', true);
  tell('agent:event', { seq: 1, time: '', kind: 'catalog' });
  tell('open', '/settings');
  expect(got).toEqual([
    { kind: 'link', up: false, problem: { code: 'window.agent_stopped' } },
    { kind: 'link', up: true, resumed: false },
    { kind: 'event', event: { seq: 1, time: '', kind: 'catalog' } },
    { kind: 'open', route: '/settings' },
  ]);
  stream.retry();
  expect(sent).toEqual(['page:ready', 'agent:retry']);
  stream.close();
  expect(on.size).toBe(0);
});
