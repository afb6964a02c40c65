import { useState } from 'react';
import { useWording } from '../i18n/react';
import { Button } from './Button';

/** A line to take elsewhere, and the button that copies it. */
export function CopyField({ value }: { value: string }) {
  const { t } = useWording();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    setCopied(await copyText(value));
    setTimeout(() => setCopied(false), 3_000);
  };
  return (
    <div className="code">
      <code className="grow">{value}</code>
      <Button kind="quiet" small icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>{copied ? t('run.copied') : t('run.copy')}</Button>
      <span className="sr" role="status">{copied && t('run.copied')}</span>
    </div>
  );
}

/** Puts a text on the clipboard; the older way is for WebViews that keep the newer one to https. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}
