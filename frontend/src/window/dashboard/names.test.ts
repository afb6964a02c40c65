import { expect, test } from 'vitest';
import { folderOf, proposeName, urlOf } from './names';

test.each([
  ['postgres', '127.0.0.1:5432', 'postgres'],
  ['postgres', 'localhost:5433', 'postgres-5433'],
  ['postgres', '[::1]:5432', 'postgres'],
  ['postgres', '/var/run/postgresql', 'postgres'],
  ['postgres', 'db1.example.com:5432', 'db1.example.com'],
  ['postgres', 'db1.example.com:6000', 'db1.example.com-6000'],
  ['sqlite', '/srv/shop/inventory.db', 'inventory.db'],
  ['sqlite', 'C:\\Data\\müşteri kayıtları.db', 'mu-s-teri-kayitlari.db'],
  ['sqlite', '/srv/データ', 'sqlite'],
  ['sqlite', '/srv/-x-', 'x'],
])('%s at %s is proposed as %s', (engine, address, name) => {
  const proposed = proposeName({ engine, address }, []);
  expect(proposed).toBe(name);
  expect(proposed).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/);
});

test('a name that is taken gets a number', () => {
  expect(proposeName({ engine: 'postgres', address: '' }, ['postgres', 'postgres-2'])).toBe('postgres-3');
  const long = `/srv/${'x'.repeat(80)}`;
  expect(proposeName({ engine: 'sqlite', address: long }, ['x'.repeat(63)])).toHaveLength(61);
});

test.each([
  ['/srv/My Backups', 'file:///srv/My%20Backups'],
  ['/srv/yedeğim #1?', 'file:///srv/yede%C4%9Fim%20%231%3F'],
  ['C:\\Backups\\x', 'file:///C:/Backups/x'],
  ['\\\\nas\\share', 'file://nas/share'],
])('the folder %s is the address %s', (folder, url) => {
  expect(urlOf(folder)).toBe(url);
  if (!folder.startsWith('\\\\')) expect(folderOf(url)).toBe(folder);
});

test('an address stays one', () => expect(urlOf(' s3://bucket/x ')).toBe('s3://bucket/x'));
