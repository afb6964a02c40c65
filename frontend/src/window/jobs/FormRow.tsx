import { useId, type ReactNode } from 'react';
import { useWording } from '../../i18n/react';

/** One line of a form: what it is about at the left, its fields at the right. */
export function FormRow({ label, help, children }: { label: string; help?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <div className="jf" role="group" aria-labelledby={id}>
      <div className="jf-l" id={id}>{label}</div>
      <div className="jf-f">
        {children}
        {help && <p className="help">{help}</p>}
      </div>
    </div>
  );
}

/** A small number with the words after it. Nothing typed is 0. */
export function NumberField({ label, value, min = 0, max, onChange }: { label: string; value: number; min?: number; max?: number; onChange: (n: number) => void }) {
  const { t } = useWording();
  const id = useId();
  return (
    <span className="row">
      <input
        id={id}
        className="inp c-num"
        type="number"
        inputMode="numeric"
        min={min}
        max={max}
        value={value === 0 ? '' : value}
        placeholder={t('jobs.zero')}
        onChange={(e) => {
          const n = Math.trunc(Number(e.currentTarget.value));
          onChange(Math.min(Math.max(Number.isFinite(n) ? n : 0, min), max ?? 100_000));
        }}
      />
      <label htmlFor={id}>{label}</label>
    </span>
  );
}
