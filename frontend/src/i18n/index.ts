import i18next, { type i18n } from 'i18next';
import ICU from 'i18next-icu';
import { initReactI18next } from 'react-i18next';
import type { Lang } from '../format';
import type en from './en.json';
import { firstTexts, loadTexts, type Texts } from './texts';

/** The keys of the interface's own words; an unknown one does not compile. */
export type Key = keyof typeof en;

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    keySeparator: false;
    nsSeparator: false;
    returnNull: false;
    resources: { translation: typeof en };
  }
}

/** A language ready for use: the interface's words and the Go side's texts. */
export interface Words {
  lang: Lang;
  i18n: i18n;
  texts: Texts;
  /** The texts of problems are there too. */
  whole: boolean;
}

const load: Record<Lang, () => Promise<Record<string, string>>> = {
  en: async () => (await import('./en.json')).default,
  tr: async () => (await import('./tr.json')).default,
};

export function isLang(s: string): s is Lang {
  return s in load;
}

/** Reads a language, which is a chunk of its own, and makes it the page's. `first` leaves out what the first page can do without for a moment. */
export async function startWords(lang: Lang, first = false): Promise<Words> {
  const instance = i18next.createInstance();
  const [words, texts] = await Promise.all([load[lang](), first ? firstTexts(lang) : loadTexts(lang)]);
  await instance.use(ICU).use(initReactI18next).init({
    lng: lang,
    fallbackLng: false,
    keySeparator: false,
    nsSeparator: false,
    returnNull: false,
    interpolation: { escapeValue: false }, // React does that
    resources: { [lang]: { translation: words } },
  });
  document.documentElement.lang = lang;
  return { lang, i18n: instance, texts, whole: !first };
}
