import { Select, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Page';
import { ProblemLine } from '../../ui/ProblemCard';
import { StateIcon } from '../../ui/StateIcon';

/** Tries a key as if this computer were lost. */
export function Drill({ destinations }: { destinations: readonly string[] }) {
  const { t, format } = useWording();
  const mayAct = useCanAct();
  const [destination, setDestination] = useState(destinations[0] ?? '');
  const [key, setKey] = useState('');
  const drill = useAct((api) => api.drillKey({ destination, key: key.trim() }));
  const result = drill.data;
  const problem = drill.error ?? (result?.ok === false ? result.problem : undefined);
  return (
    <Card title={t('kit.drill')}>
      <form
        className="card-b col gap-3"
        onSubmit={(e) => {
          e.preventDefault();
          if (mayAct && key.trim() && !drill.isPending) drill.mutate(undefined);
        }}
      >
        <p className="mut">{t('kit.drill_body')}</p>
        <Select className="c-name" label={t('kit.place')} data={[...destinations]} value={destination} onChange={(d) => d && setDestination(d)} />
        <Textarea label={t('kit.key')} description={t('kit.key_help')} rows={3} value={key} onChange={(e) => setKey(e.currentTarget.value)} autoComplete="off" spellCheck={false} />
        <div><Button type="submit" icon="check" disabled={!mayAct || key.trim() === ''} busy={drill.isPending}>{drill.isPending ? t('kit.drilling') : t('kit.drill_do')}</Button></div>
        {problem && <ProblemLine problem={problem} />}
        {result?.ok && (
          <p className="row" role="status">
            <StateIcon look="ok" />
            {t('kit.opened', { count: result.backups, size: format.bytes(result.bytes) })}
          </p>
        )}
      </form>
    </Card>
  );
}
