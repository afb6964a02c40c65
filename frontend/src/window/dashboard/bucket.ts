/** A bucket as the form asks for it. */
export interface Bucket {
  provider: Provider;
  bucket: string;
  prefix: string;
  region: string;
  account: string;
  endpoint: string;
  pathStyle: boolean;
  keyId: string;
}

export const providers = ['aws', 'wasabi', 'b2', 'r2', 'minio', 'other'] as const;
export type Provider = (typeof providers)[number];

/** What a provider must be told beside bucket and keys; the region of the last two may be left out. */
const needs: Record<Provider, readonly ('region' | 'account' | 'endpoint')[]> = {
  aws: ['region'], wasabi: ['region'], b2: ['region'], r2: ['account'], minio: ['endpoint'], other: ['endpoint'],
};

export function asksFor(provider: Provider, field: 'region' | 'account' | 'endpoint'): boolean {
  return needs[provider].includes(field) || (field === 'region' && needs[provider].includes('endpoint'));
}

/** Whether all is filled in that this provider needs. */
export function isWhole(b: Bucket): boolean {
  return [b.bucket, b.keyId, ...needs[b.provider].map((field) => b[field])].every((text) => text.trim() !== '');
}

/** The address that the agent takes; the secret is never a part of it. */
export function bucketUrl(b: Bucket): string {
  const query = new URLSearchParams();
  const set = (option: string, value: string) => value.trim() && query.set(option, value.trim());
  if (b.provider !== 'other') set('provider', b.provider);
  for (const field of ['region', 'account', 'endpoint'] as const) if (asksFor(b.provider, field)) set(field, b[field]);
  if (b.provider === 'other') set('path_style', String(b.pathStyle));
  set('key_id', b.keyId);
  const prefix = b.prefix.trim().replace(/^\/+|\/+$/g, '');
  return `s3://${b.bucket.trim()}${prefix && `/${prefix}`}?${query.toString()}`;
}
