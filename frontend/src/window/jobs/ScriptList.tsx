import { lazy, Suspense } from 'react';
import type { Script } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { useAsk } from '../../ui/useAsk';
import { FormRow } from './FormRow';
import type { ScriptPlace } from './ScriptDialog';

const ScriptDialog = lazy(async () => ({ default: (await import('./ScriptDialog')).ScriptDialog }));

/** So many scripts may stand at one place. */
const most = 20;
/** How long a script may take that does not say, in seconds. */
const usual = 600;

/** The person's own scripts at one place, in the order in which they are run. */
export function ScriptList({ place, scripts, onChange }: { place: ScriptPlace; scripts: readonly Script[]; onChange: (scripts: Script[]) => void }) {
  const { t } = useWording();
  const { ask, dialog } = useAsk();
  const edit = async (i: number) => {
    const first = scripts[i];
    const script = await ask<Script>((answer) => <ScriptDialog place={place} {...(first && { first })} onClose={answer} />);
    if (script) onChange([...scripts.slice(0, i), script, ...scripts.slice(i + 1)]);
  };
  return (
    <FormRow label={t(`script.${place}`)} help={t(`script.${place}_help`)}>
      {scripts.length > 0 && (
        <ol className="scripts">
          {scripts.map((s, i) => <Line key={i} of={s} number={i + 1} onEdit={() => void edit(i)} onRemove={() => onChange(scripts.filter((_, n) => n !== i))} />)}
        </ol>
      )}
      <span><Button small icon="plus" disabled={scripts.length >= most} aria-label={t(`script.add_${place}`)} onClick={() => void edit(scripts.length)}>{t('script.add')}</Button></span>
      <Suspense>{dialog}</Suspense>
    </FormRow>
  );
}

/** 0 is the usual time, as none is. */
function limitOf({ seconds = 0 }: Script): number {
  return seconds > 0 ? seconds : usual;
}

function Line({ of: s, number, onEdit, onRemove }: { of: Script; number: number; onEdit: () => void; onRemove: () => void }) {
  const { t, format } = useWording();
  const first = s.text.trim().split('\n')[0] ?? '';
  const facts = [
    t(`script.kind.${s.kind}`),
    t('script.limit', { time: format.duration(limitOf(s) * 1000) }),
    ...(s.when && s.when !== 'always' ? [t(`script.only.${s.when}`)] : []),
    ...(s.on_failure === 'warn' ? [t('script.warns')] : []),
  ];
  return (
    <li>
      <Icon name={s.kind === 'sql' ? 'table' : 'terminal'} />
      <span className="grow">
        <span className="mono cut" title={s.text}>{first}</span>
        <span className="dim small cut">{facts.join(', ')}</span>
      </span>
      <Button small kind="quiet" aria-label={t('script.edit_of', { n: number, text: first })} onClick={onEdit}>{t('script.edit')}</Button>
      <Button small kind="quiet" icon="cancel" aria-label={t('script.remove_of', { n: number, text: first })} title={t('script.remove')} onClick={onRemove} />
    </li>
  );
}
