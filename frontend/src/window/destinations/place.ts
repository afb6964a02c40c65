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

/** What of a bucket's address may change while its backups stay what they are. */
export const changeable = ['endpoint', 'region', 'key_id'] as const;
export type Reached = Record<(typeof changeable)[number], string>;

/** How a bucket is reached; nothing where its address does not say. */
export function reachedOf(url: string): Reached {
  const options = new URLSearchParams(url.split('?', 2)[1] ?? '');
  return { endpoint: options.get('endpoint') ?? '', region: options.get('region') ?? '', key_id: options.get('key_id') ?? '' };
}

/** The address of a bucket that is reached in another way now; all else of it stays. */
export function withReached(url: string, reached: Reached): string {
  const [path = '', query = ''] = url.split('?', 2);
  const options = new URLSearchParams(query);
  for (const option of changeable) {
    if (reached[option].trim()) options.set(option, reached[option].trim());
    else options.delete(option);
  }
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
