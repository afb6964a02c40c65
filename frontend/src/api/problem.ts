import type { ProblemBody } from './api';

/**
 * A call that failed: the agent's problem, whose code finds its title and remedy
 * in every language. It is the same for the same cause everywhere.
 */
export class Problem extends Error {
  readonly code: string;
  readonly params: Readonly<Record<string, string>>;
  readonly detail: string | undefined;
  readonly status: number;

  constructor(body: ProblemBody) {
    super(body.detail ?? body.code);
    this.name = 'Problem';
    this.code = body.code;
    this.params = body.params ?? {};
    this.detail = body.detail;
    this.status = body.status ?? 0;
  }

  /** Whether nobody answered, rather than somebody refused. */
  get unreachable(): boolean {
    return this.code === 'control.unreachable';
  }
}

/** What was thrown, as a Problem: a fetch that fails has met no agent. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof TypeError && /fetch|network|load failed/i.test(detail))
    return new Problem({ code: 'control.unreachable', params: { address: location.host }, detail });
  return new Problem({ code: 'window.defect', detail });
}

/** Whether an answer's body is a problem, and not the page of a proxy. */
export function isProblemBody(body: unknown): body is ProblemBody {
  return typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string';
}
