import { createLink } from '@tanstack/react-router';
import type { ComponentPropsWithRef, ReactNode } from 'react';
import { Icon } from './Icon';

/** The head of a page that is not the dashboard: the way back, the title, and its buttons. */
export function PageHead({ crumb, title, beside, children }: { crumb?: ReactNode; title: string; beside?: ReactNode; children?: ReactNode }) {
  return (
    <header className="page-head">
      <div className="grow">
        {crumb && <div className="crumb">{crumb}<Icon name="right" size={12} /></div>}
        <div className="row wrap"><h1>{title}</h1>{beside}</div>
      </div>
      {children}
    </header>
  );
}

/** A link in running text to another page of the program. */
export const TextLink = createLink((props: ComponentPropsWithRef<'a'>) => <a {...props} />);

/** A white field with a title; `end` stands at its right. */
export function Card({ title, count, end, className = '', children }: { title?: string; count?: string; end?: ReactNode; className?: string; children: ReactNode }) {
  return (
    <section className={`card ${className}`}>
      {title && (
        <div className="card-h">
          <h2>{title}</h2>
          {count !== undefined && <span className="count">{count}</span>}
          {end && <span className="end row g1">{end}</span>}
        </div>
      )}
      {children}
    </section>
  );
}
