import { Checkbox, PasswordInput, Select, TextInput } from '@mantine/core';
import { useWording } from '../../i18n/react';
import { asksFor, providers, type Bucket } from './bucket';

/** The names of providers are the same in every language; only the last is ours. */
const names = { aws: 'Amazon S3', wasabi: 'Wasabi', b2: 'Backblaze B2', r2: 'Cloudflare R2', minio: 'MinIO' };

/** The fields of a bucket, of which each provider asks its own. */
export function BucketFields({ bucket: b, set, secret, setSecret }: { bucket: Bucket; set: (change: Partial<Bucket>) => void; secret: string; setSecret: (secret: string) => void }) {
  const { t } = useWording();
  const text = (field: 'bucket' | 'prefix' | 'region' | 'account' | 'endpoint' | 'keyId') => ({ value: b[field], onChange: (e: React.ChangeEvent<HTMLInputElement>) => set({ [field]: e.currentTarget.value }), spellCheck: false, autoComplete: 'off' });
  return (
    <>
      <Select label={t('bucket.provider')} data={providers.map((p) => ({ value: p, label: p === 'other' ? t('bucket.other') : names[p] }))} value={b.provider} onChange={(provider) => provider && set({ provider })} />
      {asksFor(b.provider, 'endpoint') && <TextInput label={t('bucket.endpoint')} placeholder="https://nas.example.com:9000" {...text('endpoint')} />}
      {asksFor(b.provider, 'account') && <TextInput label={t('bucket.account')} {...text('account')} />}
      <div className="pair-s">
        <TextInput label={t('bucket.bucket')} {...text('bucket')} />
        {asksFor(b.provider, 'region') ? <TextInput label={asksFor(b.provider, 'endpoint') ? t('bucket.region_optional') : t('bucket.region')} placeholder="eu-central-1" {...text('region')} /> : <TextInput label={t('bucket.prefix')} {...text('prefix')} />}
      </div>
      {asksFor(b.provider, 'region') && <TextInput label={t('bucket.prefix')} {...text('prefix')} />}
      <div className="pair-s">
        <TextInput label={t('bucket.key_id')} {...text('keyId')} />
        <PasswordInput label={t('bucket.secret')} value={secret} onChange={(e) => setSecret(e.currentTarget.value)} autoComplete="off" visibilityToggleButtonProps={{ 'aria-label': t('bucket.show_secret') }} />
      </div>
      {b.provider === 'other' && <Checkbox label={t('bucket.path_style')} checked={b.pathStyle} onChange={(e) => set({ pathStyle: e.currentTarget.checked })} />}
    </>
  );
}
