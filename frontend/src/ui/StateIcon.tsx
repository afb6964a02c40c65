import type { ReactNode } from 'react';

/** How something stands, told by its shape first and by its colour second. */
export type Look = 'ok' | 'warn' | 'bad' | 'run' | 'off';

const glyph = { fill: 'none', stroke: 'var(--g)', strokeWidth: 1.7, strokeLinecap: 'round', strokeLinejoin: 'round' } as const;

const shapes: Record<Look, ReactNode> = {
  ok: <><circle cx="8" cy="8" r="7" fill="currentColor" /><path d="m4.9 8.3 2.1 2.1 4.1-4.5" {...glyph} /></>,
  warn: (
    <>
      <path d="M6.85 1.9a1.33 1.33 0 0 1 2.3 0l5.9 10.4c.5.9-.13 2-1.15 2H2.1c-1.02 0-1.65-1.1-1.15-2z" fill="currentColor" />
      <path d="M8 5.6v3.6" {...glyph} />
      <circle cx="8" cy="11.7" r="1" fill="var(--g)" />
    </>
  ),
  bad: <><path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z" fill="currentColor" /><path d="m5.6 5.6 4.8 4.8M10.4 5.6l-4.8 4.8" {...glyph} /></>,
  run: (
    <>
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeOpacity=".25" strokeWidth="2" />
      <path className="arc" d="M8 2a6 6 0 0 1 6 6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </>
  ),
  off: <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2.4 2.3" />,
};

/** Circle with check, triangle, octagon with cross, turning arc or dashed circle. Without a label it stands beside words that say the same. */
export function StateIcon({ look, size = 16, label }: { look: Look; size?: 12 | 16 | 20 | 32; label?: string }) {
  const said = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true };
  return (
    <svg className={`st st-${look} s${size}`} viewBox="0 0 16 16" {...said}>
      {label && <title>{label}</title>}
      {shapes[look]}
    </svg>
  );
}
