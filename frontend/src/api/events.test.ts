import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Position, Signal } from './api';
import { eventStream } from './events';

class Source {
  static all: Source[] = [];
  onopen: (() => void) | undefined;
  onerror: (() => void) | undefined;
  onmessage: ((m: { data: string }) => void) | undefined;
  closed = false;
  readonly url: string;
  constructor(url: string) {
    this.url = url;
    Source.all.push(this);
  }
  close() {
    this.closed = true;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  Source.all = [];
  vi.stubGlobal('EventSource', Source);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function open() {
  const reader: { got: Signal[]; at?: Position } = { got: [] };
  const stream = eventStream((s) => reader.got.push(s), () => reader.at);
  return { reader, stream };
}

test('a cut stream goes on where the reader stands', () => {
  const { reader, stream } = open();
  const { got } = reader;
  const [first] = Source.all;
  expect(first?.url).toBe('api/events');
  first?.onopen?.();
  first?.onmessage?.({ data: '{"seq":7,"time":"","kind":"catalog"}' });
  expect(got).toEqual([{ kind: 'link', up: true, resumed: false }, { kind: 'event', event: { seq: 7, time: '', kind: 'catalog' } }]);
  reader.at = { seq: 7, epoch: 'e 1' };
  first?.onerror?.();
  expect(first?.closed).toBe(true);
  expect(got.at(-1)).toEqual({ kind: 'link', up: false, retryAt: Date.now() + 1_000 });
  vi.advanceTimersByTime(1_000);
  expect(Source.all[1]?.url).toBe('api/events?after=7&epoch=e+1');
  Source.all[1]?.onopen?.();
  expect(got.at(-1)).toEqual({ kind: 'link', up: true, resumed: true });
  stream.close();
});

test('it waits longer each time, to four seconds, and not at all when told to', () => {
  const { stream } = open();
  for (const wait of [1_000, 2_000, 4_000, 4_000]) {
    const before = Source.all.length;
    Source.all.at(-1)?.onerror?.();
    vi.advanceTimersByTime(wait - 1);
    expect(Source.all).toHaveLength(before);
    vi.advanceTimersByTime(1);
    expect(Source.all).toHaveLength(before + 1);
  }
  stream.retry();
  expect(Source.all).toHaveLength(6);
  stream.close();
  Source.all.at(-1)?.onerror?.();
});

test('a closed stream stays closed', () => {
  const { stream } = open();
  Source.all[0]?.onerror?.();
  stream.close();
  vi.advanceTimersByTime(10_000);
  expect(Source.all).toHaveLength(1);
});
