import { expect, test } from 'vitest';
import type { Concern, DatabaseStatus } from '../../api/api';
import { foundDatabase, sevenDatabases, statusOf } from '../../api/fixtures';
import { remedyOf } from './remedy';

const rows = sevenDatabases();
const crm = rows.find((d) => d.database === 'crm')!;
const concern = (over: Partial<Concern>): Concern => ({ kind: 'failed', server: 'office', database: 'crm', text: { code: 'state.failed' }, ...over });

test('protected: everything can be backed up at once', () => {
  expect(remedyOf(statusOf(), rows)).toEqual({ kind: 'back_up_all', rows });
});

test('what cannot be read or is gone is left out', () => {
  const some = [{ ...crm, present: false }, { ...crm, readable: false }, rows[0]!];
  expect(remedyOf(statusOf(), some)).toEqual({ kind: 'back_up_all', rows: [rows[0]] });
});

test('paused: resume, whatever else there is', () => {
  expect(remedyOf(statusOf({ paused: true, concerns: [concern({})] }), rows)).toEqual({ kind: 'resume' });
});

test('the first concern decides', () => {
  expect(remedyOf(statusOf({ concerns: [concern({}), concern({ database: 'x' })] }), rows)).toEqual({ kind: 'back_up', rows: [crm] });
  expect(remedyOf(statusOf({ concerns: [concern({ kind: 'unproven' })] }), rows)).toEqual({ kind: 'prove', row: crm });
  expect(remedyOf(statusOf({ concerns: [concern({ kind: 'proof_old' })] }), rows)).toEqual({ kind: 'prove', row: crm });
  expect(remedyOf(statusOf({ concerns: [concern({ kind: 'overdue' })] }), rows)).toEqual({ kind: 'back_up', rows: [crm] });
  expect(remedyOf(statusOf({ concerns: [concern({ kind: 'disproven' })] }), rows)).toEqual({ kind: 'back_up', rows: [crm] });
  expect(remedyOf(statusOf({ concerns: [concern({ problem: { code: 'engine.auth_failed' } })] }), rows)).toEqual({ kind: 'password', server: 'office', rows: [crm] });
  expect(remedyOf(statusOf({ concerns: [concern({ kind: 'no_backup', server: 'main', database: '*' })] }), rows)).toEqual({ kind: 'back_up', rows: rows.filter((d) => d.server === 'main') });
});

test('what was found can be protected, without a question first', () => {
  const open = foundDatabase('orders');
  const locked = foundDatabase('', { problem: { code: 'engine.auth_failed' } });
  const other = foundDatabase('', { problem: { code: 'discovery.not_supported' } });
  expect(remedyOf(statusOf(), [locked, open, other])).toEqual({ kind: 'protect', rows: [open] });
  expect(remedyOf(statusOf(), [locked, other])).toEqual({ kind: 'protect', rows: [locked] });
  expect(remedyOf(statusOf(), [other])).toBeUndefined();
  expect(remedyOf(statusOf(), [])).toBeUndefined();
});

test('a concern about a database that is not listed has no button', () => {
  const none: DatabaseStatus[] = [];
  expect(remedyOf(statusOf({ concerns: [concern({})] }), none)).toBeUndefined();
});
