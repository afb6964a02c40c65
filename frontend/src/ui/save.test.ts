import { afterEach, expect, test, vi } from 'vitest';
import { Problem } from '../api/problem';
import { save } from './save';

afterEach(() => {
  vi.unstubAllGlobals();
  delete window.runtime;
});

const inWindow = (answer: () => Promise<Response>) => {
  window.runtime = { EventsOn: () => () => undefined, EventsEmit: () => undefined };
  const asked = vi.fn<(path: string, init: RequestInit) => Promise<Response>>(answer);
  vi.stubGlobal('fetch', asked);
  return asked;
};

test('a browser is given a download', async () => {
  Object.assign(URL, { createObjectURL: () => 'blob:x', revokeObjectURL: () => undefined });
  const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    expect(this.download).toBe('kit.txt');
  });
  expect(await save('kit.txt', 'text/plain', 'words')).toBe(true);
  expect(click).toHaveBeenCalledOnce();
});

test('in the window the program writes it', async () => {
  const asked = inWindow(() => Promise.resolve(Response.json({ path: '/home/deniz/kit ı.pdf' })));
  const bytes = Uint8Array.from([37, 80]);
  expect(await save('kit ı.pdf', 'application/pdf', bytes)).toBe(true);
  expect(asked.mock.calls[0]?.[0]).toBe('/window/save?name=kit+%C4%B1.pdf');
  expect(asked.mock.calls[0]?.[1]).toMatchObject({ method: 'POST', body: bytes });
});

test('who thinks better of it has not saved, which is no problem', async () => {
  inWindow(() => Promise.resolve(new Response(null, { status: 204 })));
  expect(await save('a', 'text/plain', 'b')).toBe(false);
});

test('what cannot be saved says why', async () => {
  inWindow(() => Promise.resolve(Response.json({ code: 'window.not_saved', params: { path: '/x', cause: 'no room' } }, { status: 502 })));
  await expect(save('a', 'text/plain', 'b')).rejects.toMatchObject({ code: 'window.not_saved', params: { cause: 'no room' } });
  inWindow(() => Promise.resolve(new Response('a page', { status: 404 })));
  await expect(save('a', 'text/plain', 'b')).rejects.toMatchObject({ code: 'window.not_saved', params: { path: 'a', cause: 'HTTP 404' } });
  inWindow(() => Promise.reject(new TypeError('Load failed')));
  await expect(save('a', 'text/plain', 'b')).rejects.toBeInstanceOf(Problem);
});
