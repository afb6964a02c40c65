import { SegmentedControl } from '@mantine/core';
import { useId, useState } from 'react';
import type { Script } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { NumberField } from './FormRow';

export type ScriptPlace = 'before' | 'after';

interface Props {
  place: ScriptPlace;
  /** The script to change; nothing for a new one. */
  first?: Script;
  onClose: (script?: Script) => void;
}

const kinds = ['command', 'sql'] as const;
const failures = ['stop', 'warn'] as const;
const whens = ['always', 'ok', 'failed'] as const;

/** The longest time a script may take, in seconds. */
const day = 86_400;

/** Asks for a script that is run around each backup of a job. */
export function ScriptDialog({ place, first, onClose }: Props) {
  const { t } = useWording();
  const [script, setScript] = useState<Script>(first ?? { kind: 'command', text: '' });
  const set = (change: Partial<Script>) => setScript((s) => ({ ...s, ...change }));
  const id = useId();
  const failure = script.on_failure ?? 'stop';
  const whole = script.text.trim() !== '';
  return (
    <Dialog
      title={t(first ? 'script.change' : `script.add_${place}`)}
      onClose={() => onClose()}
      onSubmit={() => whole && onClose(script)}
      footer={
        <>
          <Button onClick={() => onClose()}>{t('action.cancel')}</Button>
          <Button kind="primary" type="submit" disabled={!whole}>{t(first ? 'script.take' : 'script.add')}</Button>
        </>
      }
    >
      <SegmentedControl className="seg" aria-label={t('script.kind')} value={script.kind} onChange={(kind) => set({ kind })} data={kinds.map((k) => ({ value: k, label: t(`script.kind.${k}`) }))} />
      <div className="field">
        <label htmlFor={id}>{t(`script.text.${script.kind}`)}</label>
        <textarea id={id} className="inp area mono" rows={5} value={script.text} onChange={(e) => set({ text: e.currentTarget.value })} spellCheck={false} autoComplete="off" aria-describedby={`${id}-h`} data-autofocus />
        <p className="help" id={`${id}-h`}>{t(`script.help.${script.kind}`)}{script.kind === 'command' && place === 'after' && ` ${t('script.help.after')}`}</p>
      </div>
      {place === 'after' && (
        <div className="field">
          <span className="lab">{t('script.when')}</span>
          <SegmentedControl className="seg" aria-label={t('script.when')} value={script.when ?? 'always'} onChange={(when) => set({ when })} data={whens.map((w) => ({ value: w, label: t(`script.when.${w}`) }))} />
        </div>
      )}
      <div className="field">
        <span className="lab">{t('script.failure')}</span>
        <SegmentedControl className="seg" aria-label={t('script.failure')} value={failure} onChange={(on_failure) => set({ on_failure })} data={failures.map((f) => ({ value: f, label: t(`script.failure.${place}.${f}`) }))} />
      </div>
      <NumberField label={t('script.seconds')} value={script.seconds ?? 0} max={day} onChange={(seconds) => set({ seconds })} />
    </Dialog>
  );
}
