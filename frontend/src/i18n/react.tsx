import type { TFunction } from 'i18next';
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { I18nextProvider, useTranslation } from 'react-i18next';
import { formatFor, type Format, type Lang } from '../format';
import { startWords, type Words } from '.';
import { loadTexts, type Texts } from './texts';

const Context = createContext<Words | undefined>(undefined);

/** Gives the pages below it their language. Another language is read first and then shown at once. */
export function WordsProvider({ initial, lang, children }: { initial: Words; lang: Lang; children: ReactNode }) {
  const [words, setWords] = useState(initial);
  useEffect(() => {
    if (words.lang === lang && words.whole) return;
    let wanted = true;
    // What is shown keeps its words; the texts of problems join them.
    const next = words.lang === lang ? loadTexts(lang).then((texts) => ({ ...words, texts, whole: true })) : startWords(lang);
    void next.then((w) => {
      if (wanted) setWords(w);
    });
    return () => {
      wanted = false;
    };
  }, [lang, words]);
  return (
    <Context.Provider value={words}>
      <I18nextProvider i18n={words.i18n}>{children}</I18nextProvider>
    </Context.Provider>
  );
}

export interface Wording {
  lang: Lang;
  /** The interface's own words. */
  t: TFunction;
  /** The Go side's texts: problems and the state sentence. */
  texts: Texts;
  /** Numbers, sizes, times. */
  format: Format;
}

/** How to write for the person in front. */
export function useWording(): Wording {
  const words = useContext(Context);
  if (!words) throw new Error('no language above this component');
  const { t } = useTranslation();
  return useMemo(() => ({ lang: words.lang, t, texts: words.texts, format: formatFor(words.lang) }), [words, t]);
}
