import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { BackupTable } from '../../api/api';
import { fakeApi } from '../../api/fake';
import { Problem } from '../../api/problem';
import { show } from '../../test/show';

const path = '/restore/b-orders_prod-8';
const list = () => screen.findByRole('list', { name: 'What is in it' });

test('tables with their rows; those in partitions say so', async () => {
  await show(path);
  expect(within(await list()).getAllByRole('listitem').map((li) => li.textContent)).toEqual(['public.customers41,207 rows6.10 MBLook', 'public.order_events16,004,311 rows in 12 partitions14.9 GBLook', 'public.orders2,058,859 rows3.40 GBLook']);
});

test('rows are read a page at a time, and the way back is remembered', async () => {
  const { api } = await show(path);
  const rows = vi.spyOn(api, 'rows');
  await list();
  await userEvent.click(screen.getByRole('button', { name: 'Look into public.customers' }));
  expect(await screen.findByText('Rows 1 to 50 of 41,207')).toBeVisible();
  expect(screen.getAllByText('NULL').length).toBeGreaterThan(50);
  expect(screen.getByRole('button', { name: 'Previous' })).toBeDisabled();
  await userEvent.click(screen.getByRole('button', { name: 'Next' }));
  expect(await screen.findByText('Rows 51 to 100 of 41,207')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Previous' }));
  expect(await screen.findByText('Rows 1 to 50 of 41,207')).toBeVisible();
  expect(rows.mock.calls.map(([, q]) => q)).toEqual([{ schema: 'public', table: 'customers', offset: 0, limit: 50 }, { schema: 'public', table: 'customers', offset: 50, limit: 50 }]);
});

test('a page that is shorter than asked goes on where it ended; cut values are told', async () => {
  const rows = vi.fn((_: string, q: { offset: number }) => Promise.resolve({ name: 't', columns: ['a'], offset: q.offset, rows: q.offset === 0 ? [['x…'], [null], ['z']] : [['last']], more: q.offset === 0, cut: q.offset === 0 ? 1 : 0 }));
  const tables = () => Promise.resolve<BackupTable[]>([{ name: 't', columns: ['a'], rows: -1, bytes: -1 }]);
  await show(path, fakeApi({ rows, tables }));
  await userEvent.click(await screen.findByRole('button', { name: 'Look into t' }));
  expect(await screen.findByText('Rows 1 to 3')).toBeVisible();
  expect(screen.getByText(/1 value is longer than 4 kB/)).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Next' }));
  expect(await screen.findByText('last')).toBeVisible();
  expect(rows.mock.calls[1]?.[1]).toMatchObject({ offset: 3 });
  expect(screen.getByRole('button', { name: 'Next' })).toBeDisabled();
});

test('among many tables one is found by typing', async () => {
  const many = Array.from({ length: 300 }, (_, i): BackupTable => ({ schema: 'public', name: `t${i}`, columns: ['a'], rows: i, bytes: 1 }));
  await show(path, fakeApi({ tables: () => Promise.resolve(many) }));
  expect(within(await list()).getAllByRole('listitem')).toHaveLength(200);
  expect(screen.getByText('100 more: type to find them')).toBeVisible();
  fireEvent.change(screen.getByLabelText('Find a table'), { target: { value: 'T299' } });
  expect(within(await list()).getAllByRole('listitem')).toHaveLength(1);
  fireEvent.change(screen.getByLabelText('Find a table'), { target: { value: 'nothing' } });
  expect(screen.getByText('No table is called so.')).toBeVisible();
});

test('what cannot be read says why, and hinders no restore', async () => {
  let broken = true;
  const api = fakeApi();
  const tables = api.tables.bind(api);
  api.tables = (b) => (broken ? Promise.reject(new Problem({ code: 'agent.repository_key_missing', params: { destination: 'disk' } })) : tables(b));
  await show(path, api, 'tr');
  expect(await screen.findByText(/kilidini açın/)).toBeVisible();
  expect(await screen.findByRole('button', { name: 'Yeni veritabanına geri yükle' })).toBeEnabled();
  broken = false;
  await userEvent.click(screen.getByRole('button', { name: 'Yeniden dene' }));
  expect(await screen.findByText('41.207 satır')).toBeVisible();
});

test('a file is restored to a file, and nothing is said of databases or commands', async () => {
  await show('/restore/b-inventory.db-8');
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Restore to new database' })).toBeNull());
  expect(await screen.findByRole('textbox', { name: 'New file' })).toBeVisible();
});
