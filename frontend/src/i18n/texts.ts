import { formatFor, type Format, type Lang } from '../format';
import enFormat from '../../../internal/i18n/messages/en/format.json';
import enState from '../../../internal/i18n/messages/en/state.json';
import trFormat from '../../../internal/i18n/messages/tr/format.json';
import trState from '../../../internal/i18n/messages/tr/state.json';
import type { ProblemBody, Text } from '../api/api';
import type { Problem } from '../api/problem';

/*
 * The texts of problems and of the state, which live on the Go side, so that the
 * window, the command line, the tray and notifications say the same. They travel
 * as a code with plain parameters. The rules are those of internal/i18n/texts.go;
 * its testdata/rendering.json holds both to one result.
 */

type Values = Readonly<Record<string, string>>;

const files: Record<Lang, () => Promise<{ default: Values }>> = {
  en: () => import('./words-en'),
  tr: () => import('./words-tr'),
};
/** What the first page needs at once. */
const small: Record<Lang, Values> = { en: { ...enFormat, ...enState }, tr: { ...trFormat, ...trState } };

/** Writes the Go side's texts in one language. */
export class Texts {
  private readonly words: Values;
  private readonly format: Format;

  constructor(lang: Lang, words: Values) {
    this.words = words;
    this.format = formatFor(lang);
  }

  /** The text of a code; one that nobody has is shown by its name. */
  say(text: Text, now = new Date()): string {
    return this.write(text.code, text.params ?? {}, now);
  }

  /** What happened and what to do about it. Where that is a command, the pages have words of their own: messages/remedy.json. */
  problem(p: Problem | ProblemBody, now = new Date()): { title: string; remedy: string } {
    const values = { code: p.code, ...(p.detail !== undefined && { cause: p.detail }), ...p.params };
    let key = `problem.${p.code}`;
    if (!(`${key}.title` in this.words)) key = p.detail === undefined ? 'unknown.bare' : 'unknown';
    const here = `remedy.${p.code}`;
    return { title: this.write(`${key}.title`, values, now), remedy: this.write(here in this.words ? here : `${key}.remedy`, values, now) };
  }

  private write(key: string, values: Values, now: Date): string {
    let text = this.words[key];
    let given = values;
    if (text === undefined && values.n !== undefined && isWhole(values.n)) {
      text = this.words[`${key}.${Number(values.n) === 1 ? 'one' : 'other'}`];
      given = { ...values, n: this.format.count(BigInt(values.n)) };
    }
    if (text === undefined) return key;
    return text.replace(/\{([a-z0-9_]*)(?::([a-z0-9_:]*))?\}/g, (whole, name: string, as: string | undefined) => {
      if (whole === '{}') return whole;
      const value = given[name];
      return value === undefined ? '?' : this.fill(value, as ?? '', now);
    });
  }

  /** Puts a value into the form a place-holder asks for; what is not of that form stays as it is. */
  private fill(value: string, as: string, now: Date): string {
    const { format } = this;
    switch (as) {
      case 'bytes':
        return isWhole(value) ? format.bytes(Number(value)) : value;
      case 'count':
        return isWhole(value) ? format.count(BigInt(value)) : value;
      case 'seconds':
        return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? format.duration(Number(value) * 1000) : value;
      case 'time':
        return isTime(value) ? format.time(new Date(value)) : value;
      case 'ago':
        return isTime(value) ? format.ago(new Date(value), now) : value;
      default:
        return value;
    }
  }
}

/** The state sentence alone; a problem is told by its code until the rest was read. */
export function firstTexts(lang: Lang): Texts {
  return new Texts(lang, small[lang]);
}

/** Reads a language's texts, which are a part of the program of their own. */
export async function loadTexts(lang: Lang): Promise<Texts> {
  return new Texts(lang, { ...small[lang], ...(await files[lang]()).default });
}

function isWhole(s: string): boolean {
  return /^[+-]?\d+$/.test(s);
}

function isTime(s: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(s) && !Number.isNaN(Date.parse(s));
}
