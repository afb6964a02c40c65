import { createLink } from '@tanstack/react-router';
import type { ComponentPropsWithRef } from 'react';
import { Icon, type IconName } from './Icon';

interface Look {
  /** One primary button on a screen; `danger` only in a dialog that said what will be lost. */
  kind?: 'plain' | 'primary' | 'quiet' | 'danger';
  small?: boolean;
  icon?: IconName;
}

function classes({ kind = 'plain', small }: Look, more = ''): string {
  const kinds = { plain: '', primary: 'pri', quiet: 'quiet', danger: 'danger' };
  return ['btn', kinds[kind], small ? 'sm' : '', more].filter(Boolean).join(' ');
}

/** A button that does something here. While it is `busy` it takes no second click, but keeps its place and its focus. */
export function Button({ kind, small, icon, busy = false, className, children, onClick, ...rest }: Look & { busy?: boolean } & ComponentPropsWithRef<'button'>) {
  return (
    <button
      type="button"
      {...rest}
      className={classes({ ...(kind && { kind }), ...(small && { small }) }, className)}
      aria-busy={busy || undefined}
      onClick={(e) => {
        if (busy) e.preventDefault();
        else onClick?.(e);
      }}
    >
      {icon && <Icon name={icon} size={small ? 14 : 16} />}
      {children}
    </button>
  );
}

function Anchor({ kind, small, icon, className, children, ...rest }: Look & ComponentPropsWithRef<'a'>) {
  return (
    <a {...rest} className={classes({ ...(kind && { kind }), ...(small && { small }) }, className)}>
      {icon && <Icon name={icon} size={small ? 14 : 16} />}
      {children}
    </a>
  );
}

/** A link that looks like a button: it goes to another page of the program. */
export const LinkButton = createLink(Anchor);
