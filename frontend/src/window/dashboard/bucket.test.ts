import { expect, test } from 'vitest';
import { bucketUrl, isWhole, type Bucket } from './bucket';

const empty: Bucket = { provider: 'aws', bucket: 'my-backups', prefix: '', region: '', account: '', endpoint: '', pathStyle: true, keyId: 'AKIA1' };

test('the address of a bucket, by provider', () => {
  expect(bucketUrl({ ...empty, region: 'eu-central-1' })).toBe('s3://my-backups?provider=aws&region=eu-central-1&key_id=AKIA1');
  expect(bucketUrl({ ...empty, provider: 'wasabi', prefix: '/office/db/', region: ' eu-central-2 ' })).toBe('s3://my-backups/office/db?provider=wasabi&region=eu-central-2&key_id=AKIA1');
  expect(bucketUrl({ ...empty, provider: 'r2', account: 'abc', region: 'left over', endpoint: 'left over' })).toBe('s3://my-backups?provider=r2&account=abc&key_id=AKIA1');
  expect(bucketUrl({ ...empty, provider: 'minio', endpoint: 'https://nas:9000' })).toBe('s3://my-backups?provider=minio&endpoint=https%3A%2F%2Fnas%3A9000&key_id=AKIA1');
  expect(bucketUrl({ ...empty, provider: 'other', endpoint: 'https://s3.example.com', region: 'x', pathStyle: false })).toBe('s3://my-backups?region=x&endpoint=https%3A%2F%2Fs3.example.com&path_style=false&key_id=AKIA1');
});

test('what each provider needs', () => {
  expect([isWhole(empty), isWhole({ ...empty, region: 'x' }), isWhole({ ...empty, provider: 'r2', account: 'a' }), isWhole({ ...empty, provider: 'minio' }), isWhole({ ...empty, provider: 'other', endpoint: 'https://x' }), isWhole({ ...empty, region: 'x', keyId: ' ' })]).toEqual([false, true, true, false, true, false]);
});
