import { useCallback, useState, type ReactNode } from 'react';

/** Answers an open dialog; nothing means that the person thought better of it. */
export type Answer<T> = (value?: T) => void;

/**
 * Dialogs as questions: `ask` shows one and waits for its answer, so that a
 * sequence of them reads like one. `dialog` is put somewhere on the page.
 */
export function useAsk() {
  const [dialog, setDialog] = useState<ReactNode>(null);
  const ask = useCallback(
    <T,>(show: (answer: Answer<T>) => ReactNode) =>
      new Promise<T | undefined>((resolve) => {
        const answer: Answer<T> = (value) => {
          setDialog(null);
          resolve(value);
        };
        setDialog(show(answer));
      }),
    [],
  );
  return { ask, dialog };
}
