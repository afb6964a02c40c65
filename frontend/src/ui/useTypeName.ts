import type { Key } from '../i18n';
import { useWording } from '../i18n/react';

const types: Record<string, Key> = { full: 'database.type.full', differential: 'database.type.differential', incremental: 'database.type.incremental' };

/** How backups are called that read everything, or only what changed. */
export function useTypeName(): (type: string) => string {
  const { t } = useWording();
  return (type) => {
    const key = types[type];
    return key ? t(key) : type;
  };
}
