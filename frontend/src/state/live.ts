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

/** The phases in which a backup is made, after it has connected. */
const making: ReadonlySet<string> = new Set(['dump', 'commit']);

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
  /** Ended runs that were taken out of sight: what is told of them later does not bring them back. */
  private dismissed = new Set<string>();
  private listeners = new Set<() => void>();
  private subscription: Subscription | undefined;
  private started = false;
  private again: ReturnType<typeof setTimeout> | undefined;
  private stale: ReturnType<typeof setTimeout> | undefined;
  private onOpen: ((route: string) => void) | undefined;
  private readonly api: Api;
  private readonly queries: QueryClient;

  constructor(api: Api, queries: QueryClient) {
    this.api = api;
    this.queries = queries;
  }

  /**
   * Lets the stream be opened; the answer closes it. That is done as soon as it is
   * known where it should begin, or that nobody answers. `onOpen` is called with
   * the page somebody outside asks for.
   */
  start(onOpen?: (route: string) => void): () => void {
    this.onOpen = onOpen;
    this.started = true;
    if (this.state.link.state !== 'connecting') this.open();
    return () => {
      this.started = false;
      clearTimeout(this.stale);
      clearTimeout(this.again);
      this.subscription?.close();
      this.subscription = undefined;
    };
  }

  private open(): void {
    if (this.started) this.subscription ??= this.api.subscribe((s) => this.take(s), () => this.position);
  }

  /** Tries a lost connection again at once. */
  retry(): void {
    this.subscription?.retry();
    this.refresh();
  }

  /** Takes a snapshot in: the runs are its, changed by the events that came after it was made. */
  begin(status: StatusReport): void {
    // Events of another agent say nothing about this one's runs.
    if (this.position && this.position.epoch !== status.epoch) this.recent = [];
    const later = this.recent.filter((e) => e.seq > status.seq);
    const ended = [...this.state.runs.values()].filter((r) => isOver(r));
    const runs = new Map([...ended, ...status.active].map((r) => [r.id, this.paced(r)]));
    this.position = { seq: later.at(-1)?.seq ?? status.seq, epoch: status.epoch };
    this.set({ runs, link: { state: 'up' } });
    for (const e of later) if (e.run) this.run(e.run);
    this.open();
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
    this.open();
  }

  /** Takes an ended run out of sight. */
  dismiss(id: string): void {
    const runs = new Map(this.state.runs);
    runs.delete(id);
    this.paces.delete(id);
    this.dismissed.add(id);
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
    else if (signal.up) this.linked(signal.resumed);
    else this.lost({ ...(signal.retryAt !== undefined && { retryAt: signal.retryAt }), ...(signal.problem && { problem: signal.problem }) });
  }

  /** A stream that goes on where we stand has missed nothing; any other has. */
  private linked(resumed: boolean): void {
    if (!resumed || this.state.link.state === 'lost') this.refresh();
  }

  private event(e: Event): void {
    const known = this.position?.seq;
    if (e.kind === 'reset' || (known !== undefined && e.seq > known + 1)) {
      // What was missed is in the next snapshot; what comes before it is kept for it.
      this.position = undefined;
      this.recent = [];
      this.refresh();
      if (e.kind === 'reset') return;
    }
    this.recent = [...this.recent.slice(1 - remembered), e];
    if (known !== undefined && e.seq <= known) return;
    if (this.position) this.position = { ...this.position, seq: e.seq };
    if (e.run) this.run(e.run);
    if (!e.run || isOver(e.run)) this.refreshSoon();
  }

  private run(run: Run): void {
    if (!isOver(run)) this.dismissed.delete(run.id);
    else if (this.dismissed.has(run.id)) return;
    // How an earlier run of the same database ended is no news any more.
    const others = [...this.state.runs].filter(([, r]) => !(isOver(r) && r.server === run.server && r.database === run.database));
    this.set({ runs: new Map([...others, [run.id, this.paced(run)]]) });
    if (run.status === 'ok' || run.status === 'cancelled') setTimeout(() => this.dismiss(run.id), afterglow);
  }

  private paced(run: Run): LiveRun {
    const { progress } = run;
    if (run.status !== 'running' || !progress) return run;
    const pace = this.paces.get(run.id) ?? new Pace();
    this.paces.set(run.id, pace);
    const before = this.state.runs.get(run.id);
    const made = before?.made === true || (run.kind === 'backup' && making.has(before?.progress?.phase ?? '') && !making.has(progress.phase));
    return { ...run, ...(made && { made }), ...pace.add(progress, Date.now()) };
  }

  /** Asks for everything anew: something was missed. */
  private refresh(): void {
    clearTimeout(this.stale);
    this.stale = undefined;
    // A first answer that is under way is not asked for again by this, and may be from before what was missed.
    const early = this.queries.getQueryCache().findAll({ fetchStatus: 'fetching', predicate: (q) => q.state.data === undefined });
    void this.queries.invalidateQueries();
    for (const { promise, queryKey } of early) {
      const again = () => void this.queries.invalidateQueries({ queryKey, exact: true });
      promise?.then(again, again);
    }
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
