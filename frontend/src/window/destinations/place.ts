import type { Job } from '../../api/api';
import { folderOf } from '../dashboard/names';

/** Whether a place is a bucket, which may forbid deletion; a folder cannot. */
export function isBucket(url: string): boolean {
  return url.startsWith('s3://');
}

/** Where a place is, as a person would say it: the folder, or the bucket and who keeps it. */
export function whereOf(url: string): string {
  if (!isBucket(url)) return folderOf(url);
  const [path = '', query = ''] = url.slice('s3://'.length).split('?', 2);
  const options = new URLSearchParams(query);
  const keeper = options.get('endpoint')?.replace(/^https?:\/\//, '') ?? options.get('provider');
  return keeper ? `${path} · ${keeper}` : path;
}

/** The ID of the key that opens a bucket; nothing when the secret holds it. */
export function keyIdOf(url: string): string {
  return new URLSearchParams(url.split('?', 2)[1] ?? '').get('key_id') ?? '';
}

/** The address of a bucket that another key opens now. */
export function withKeyId(url: string, keyId: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const options = new URLSearchParams(query);
  options.set('key_id', keyId.trim());
  return `${path}?${options.toString()}`;
}

/** What a job does with a place. */
export type Use = 'first' | 'copy' | 'emergency';

/** The jobs that need a place, and what for. */
export function usesOf(jobs: readonly Job[], place: string): { job: string; use: Use }[] {
  return jobs.flatMap((j) => {
    const at = j.destinations.indexOf(place);
    const use: Use | undefined = at === 0 ? 'first' : at > 0 ? 'copy' : j.emergency === place ? 'emergency' : undefined;
    return use ? [{ job: j.name, use }] : [];
  });
}
