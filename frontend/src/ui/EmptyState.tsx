import type { ReactNode } from 'react';

/** What stands where nothing is yet: what this place is for, and the way to begin. */
export function EmptyState({ title, children, actions }: { title: string; children: ReactNode; actions?: ReactNode }) {
  return (
    <section className="card empty">
      <svg className="scene" viewBox="0 0 96 72" aria-hidden="true">
        <ellipse cx="32" cy="18" rx="24" ry="9" />
        <path d="M8 18v36c0 5 10.7 9 24 9s24-4 24-9V18M8 36c0 5 10.7 9 24 9s24-4 24-9" />
        <path className="strong" d="M74 22 94 29v14c0 12-8 21-20 26-12-5-20-14-20-26V29z" />
        <path className="strong" d="m65 46 6.5 6.5L84 39" style={{ fill: 'none' }} strokeLinecap="round" strokeLinejoin="round" />
      </svg>
      <h2>{title}</h2>
      <p>{children}</p>
      {actions && <div className="row wrap">{actions}</div>}
    </section>
  );
}
