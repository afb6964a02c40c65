import type { ReactNode } from 'react';

/** One topic of the help; both languages have the same, in the same order. */
export interface Section {
  id: string;
  title: string;
  body: ReactNode;
}
