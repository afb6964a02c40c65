import type { Concern, DatabaseStatus, Found, StatusReport } from '../../api/api';

/** The first thing to do, which has the page's one primary button. */
export type Remedy =
  | { kind: 'resume' }
  | { kind: 'password'; server: string; rows: DatabaseStatus[] }
  | { kind: 'back_up'; rows: DatabaseStatus[] }
  | { kind: 'back_up_all'; rows: DatabaseStatus[] }
  | { kind: 'prove'; row: DatabaseStatus }
  | { kind: 'protect'; rows: DatabaseStatus[] };

/** Problems that a user name and a password solve. */
const refusedLogins = new Set(['engine.auth_failed', 'engine.login_not_allowed', 'engine.password_missing', 'engine.no_user']);

export function needsLogin(found: Found): boolean {
  return refusedLogins.has(found.problem?.code ?? '');
}

/** Whether a backup can be begun; of what was found, perhaps after a login. A server that lists no databases is backed up whole. */
export function canBackUp(d: DatabaseStatus): boolean {
  if (d.found?.problem) return needsLogin(d.found);
  return d.present && (d.readable || d.database === '');
}

/** What would help most now; nothing when there is nothing to do it with. */
export function remedyOf(status: StatusReport, all: readonly DatabaseStatus[]): Remedy | undefined {
  if (status.paused) return { kind: 'resume' };
  const concern = status.concerns?.[0];
  if (concern) return remedyFor(concern, all);
  const mine = all.filter((d) => d.server && canBackUp(d));
  if (mine.some((d) => d.last)) return { kind: 'back_up_all', rows: mine };
  // What can be backed up without a question comes first.
  const able = all.filter(canBackUp);
  const open = able.filter((d) => !d.found?.problem);
  const rows = open.length > 0 ? open : able;
  return rows.length > 0 ? { kind: 'protect', rows } : undefined;
}

function remedyFor(concern: Concern, all: readonly DatabaseStatus[]): Remedy | undefined {
  const rows = all.filter((d) => d.server === concern.server && (concern.database === '*' || d.database === concern.database));
  if (refusedLogins.has(concern.problem?.code ?? '')) return { kind: 'password', server: concern.server, rows };
  const [row] = rows;
  if ((concern.kind === 'unproven' || concern.kind === 'proof_old') && row?.last) return { kind: 'prove', row };
  const able = rows.filter(canBackUp);
  return able.length > 0 ? { kind: 'back_up', rows: able } : undefined;
}
