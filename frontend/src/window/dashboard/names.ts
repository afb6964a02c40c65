import type { Found } from '../../api/api';

const here = /^(localhost|127(\.\d+){3}|\[?::1\]?|)$/;
const usualPorts: Record<string, string> = { postgres: '5432', mysql: '3306', mariadb: '3306', mongodb: '27017', sqlserver: '1433', redis: '6379' };

/**
 * A name for a server that was found, made from where it is and unlike those that
 * are taken: "postgres", "postgres-5433", "db1.example.com", "inventory.db".
 */
export function proposeName(found: Pick<Found, 'engine' | 'address'>, taken: readonly string[]): string {
  return freeName(plain(nameOf(found)) || plain(found.engine) || 'server', taken);
}

/** A name like that one, which is unlike those that are taken. */
export function freeName(like: string, taken: readonly string[]): string {
  const name = plain(like) || 'backups';
  let free = name;
  for (let n = 2; taken.includes(free); n++) free = `${name.slice(0, 59)}-${n}`;
  return free;
}

function nameOf({ engine, address }: Pick<Found, 'engine' | 'address'>): string {
  if (engine === 'sqlite') return address.split(/[/\\]/).findLast((part) => part !== '') ?? engine;
  if (address.startsWith('/')) return engine; // a socket
  const [, host = '', port = ''] = /^(.*?)(?::(\d+))?$/.exec(address) ?? [];
  const place = here.test(host) ? engine : host;
  return port && port !== usualPorts[engine] ? `${place}-${port}` : place;
}

/** What names may hold: ASCII letters, digits and . _ -, the first a letter or digit, at most 63. */
function plain(s: string): string {
  return s
    .normalize('NFKD')
    .replace(/ı/g, 'i')
    .replace(/[^a-zA-Z0-9._-]+/g, '-')
    .replace(/-{2,}/g, '-')
    .replace(/^[^a-zA-Z0-9]+|-+$/g, '')
    .slice(0, 63);
}

/** The folder of a file: address, as people write it; other addresses as they are. */
export function folderOf(url: string): string {
  if (!url.startsWith('file://')) return url;
  const path = decodeURIComponent(url.slice('file://'.length));
  return /^\/[a-zA-Z]:/.test(path) ? path.slice(1).replaceAll('/', '\\') : path;
}

/** The address of a folder: "/srv/My Backups" is file:///srv/My%20Backups. What is an address already stays one. */
export function urlOf(folder: string): string {
  const path = folder.trim();
  if (/^[a-z][a-z0-9+]+:\/\//i.test(path)) return path;
  const encode = (p: string) => p.split('/').map(encodeURIComponent).join('/');
  if (/^[a-zA-Z]:[\\/]/.test(path)) return `file:///${path.slice(0, 2)}${encode(path.slice(2).replaceAll('\\', '/'))}`;
  if (path.startsWith('\\\\')) return `file:${encode(path.replaceAll('\\', '/'))}`;
  return `file://${encode(path)}`;
}
