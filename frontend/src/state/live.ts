import type { QueryClient } from '@tanstack/react-query';
import type { Api, Event, Position, ProblemBody, Run, Signal, StatusReport, Subscription } from '../api/api';
import { Pace } from './pace';

/** A run as it is shown: what the agent told last, and how fast it goes. */
export interface LiveRun extends Run {
  bytesPerSecond?: number;
  secondsLeft?: number;
  /** Of a backup: it was made, what goes on now is its proof. The proof begins with connecting, as the backup did. */
  made?: boolean;
}

export type Link = { state: 'connecting' | 'up' } | ({ state: 'lost'; since: Date } & Loss);

/** What is known of a lost connection: when it is tried again, and why it was lost if there is more to say. */
export interface Loss {
  retryAt?: number;
  problem?: ProblemBody;
}

export interface LiveState {
  link: Link;
  /** Runs that wait or go on, and those that ended a moment ago, by ID. */
  runs: ReadonlyMap<string, LiveRun>;
}

/** How long a run that ended well stays in sight, in milliseconds. */
const afterglow = 10_000;
/** After so many milliseconds a question that found nobody is asked again. */
const patience = 4_000;
/** So many events are remembered for the status that is under way while they come in. */
const remembered = 256;

/**
 * What moves: the connection and the runs. It begins with the status, the
 * snapshot, and changes it by the events after it; where one is missing it asks
 * for everything anew. What does not move is kept by the query client, which is
 * told here when it is out of date.
 */
export class Live {
  private state: LiveState = { link: { state: 'connecting' }, runs: new Map() };
  private position: Position | undefined;
  private recent: Event[] = [];
  private paces = new Map<string, Pace>();
  private listeners = new Set<() => void>();
  private subscription: Subscription | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private stale: ReturnType<typeof setTimeout> | undefined;
  private onOpen: ((route: string) => void) | undefined;
  private readonly api: Api;
  private readonly queries: QueryClient;

  constructor(api: Api, queries: QueryClient) {
    this.api = api;
    this.queries = queries;
  }

  /** Opens the stream; the answer closes it. `onOpen` is called with the page somebody outside asks for. */
  start(onOpen?: (route: string) => void): () => void {
    this.onOpen = onOpen;
    this.subscription = this.api.subscribe((s) => this.take(s), () => this.position);
    return () => {
      clearTimeout(this.stale);
      clearTimeout(this.again);
      this.subscription?.close();
      this.subscription = undefined;
    };
  }

  /** Tries a lost connection again at once. */
  retry(): void {
    this.subscription?.retry();
    this.refresh();
  }

  /** Takes a snapshot in: the runs are its, changed by the events that came after it was made. */
  begin(status: StatusReport): void {
    const sameAgent = this.position?.epoch === status.epoch;
    const later = sameAgent ? this.recent.filter((e) => e.seq > status.seq) : [];
    const ended = [...this.state.runs.values()].filter((r) => isOver(r));
    const runs = new Map([...ended, ...status.active].map((r) => [r.id, this.paced(r)]));
    this.position = { seq: Math.max(status.seq, sameAgent ? (this.position?.seq ?? 0) : 0), epoch: status.epoch };
    this.set({ runs, link: { state: 'up' } });
    for (const e of later) if (e.run) this.run(e.run);
  }

  /** Notes that nobody answers. The stream connects anew by itself; the questions are asked again from here. */
  lost(loss: Loss = {}): void {
    const { link } = this.state;
    const before = link.state === 'lost' ? link : { since: new Date() };
    this.again ??= setTimeout(() => {
      this.again = undefined;
      this.refresh();
    }, patience);
    this.set({ link: { retryAt: Date.now() + patience, ...before, ...loss, state: 'lost' } });
  }

  /** Takes an ended run out of sight. */
  dismiss(id: string): void {
    const runs = new Map(this.state.runs);
    runs.delete(id);
    this.paces.delete(id);
    this.set({ runs });
  }

  readonly snapshot = (): LiveState => this.state;

  readonly listen = (f: () => void): (() => void) => {
    this.listeners.add(f);
    return () => {
      this.listeners.delete(f);
    };
  };

  private take(signal: Signal): void {
    if (signal.kind === 'open') this.onOpen?.(signal.route);
    else if (signal.kind === 'event') this.event(signal.event);
    else if (signal.up) this.refresh();
    else this.lost({ ...(signal.retryAt !== undefined && { retryAt: signal.retryAt }), ...(signal.problem && { problem: signal.problem }) });
  }

  private event(e: Event): void {
    const last = this.position?.seq;
    if (e.kind === 'reset' || (last !== undefined && e.seq > last + 1)) {
      this.recent = [];
      this.refresh();
      return;
    }
    this.recent = [...this.recent.slice(1 - remembered), e];
    if (last !== undefined && e.seq <= last) return;
    if (this.position) this.position = { ...this.position, seq: e.seq };
    if (e.run) this.run(e.run);
    if (!e.run || isOver(e.run)) this.refreshSoon();
  }

  private run(run: Run): void {
    const runs = new Map(this.state.runs);
    runs.set(run.id, this.paced(run));
    this.set({ runs });
    if (run.status === 'ok') setTimeout(() => this.dismiss(run.id), afterglow);
  }

  private paced(run: Run): LiveRun {
    const { progress } = run;
    if (run.status !== 'running' || !progress) return run;
    const pace = this.paces.get(run.id) ?? new Pace();
    this.paces.set(run.id, pace);
    const before = this.state.runs.get(run.id);
    const made = before?.made === true || (run.kind === 'backup' && before?.progress?.phase === 'commit' && progress.phase !== 'commit');
    return { ...run, ...(made && { made }), ...pace.add(progress, Date.now()) };
  }

  /** Asks for everything anew: something was missed. */
  private refresh(): void {
    clearTimeout(this.stale);
    this.stale = undefined;
    void this.queries.invalidateQueries();
  }

  /** Several events in a row, such as the ends of many runs, ask only once. */
  private refreshSoon(): void {
    this.stale ??= setTimeout(() => this.refresh(), 150);
  }

  private set(change: Partial<LiveState>): void {
    this.state = { ...this.state, ...change };
    for (const f of this.listeners) f();
  }
}

export function isOver(run: Run): boolean {
  return run.status !== 'queued' && run.status !== 'running';
}
