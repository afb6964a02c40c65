import en from '../../../internal/i18n/messages/en/format.json';
import tr from '../../../internal/i18n/messages/tr/format.json';

/*
 * How a language writes numbers, sizes, times and durations: the same as
 * internal/i18n/format.go, which a test holds it to, so that the window, the
 * command line and the tray say one thing in one way.
 */

export type Lang = 'en' | 'tr';

interface Form {
  decimal: string;
  group: string;
  percent: string;
  day: (y: string, m: string, d: string) => string;
  words: Record<Word, string>;
}

type Word = keyof typeof en & `format.${string}`;

const forms: Record<Lang, Form> = {
  en: { decimal: '.', group: ',', percent: '# %', day: (y, m, d) => `${y}-${m}-${d}`, words: en },
  tr: { decimal: ',', group: '.', percent: '%#', day: (y, m, d) => `${d}.${m}.${y}`, words: tr },
};

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export class Format {
  readonly lang: Lang;
  private readonly form: Form;

  constructor(lang: Lang) {
    this.lang = lang;
    this.form = forms[lang];
  }

  private word(name: Word, value: string): string {
    return this.form.words[name].replace(/\{\w+\}/, () => value);
  }

  /** A number with a fixed count of digits after the point. */
  decimal(v: number, digits: number): string {
    return evenFixed(v, digits).replace('.', this.form.decimal);
  }

  /** A size with three significant digits, 1 kB = 1000 bytes: "1.40 MB". What is not known is "?". */
  bytes(n: number): string {
    if (n < 0) return '?';
    if (n < 1000) return `${n} B`;
    let v = n;
    let unit = 0;
    for (; v >= 999.5 && unit < units.length - 1; unit++) v /= 1000; // 999.5 and more would read 1000
    return `${this.significant(v)} ${units[unit] ?? ''}`;
  }

  /** A number below 1000 with three digits. */
  private significant(v: number): string {
    return this.decimal(v, v < 9.995 ? 2 : v < 99.95 ? 1 : 0);
  }

  /** Bytes a second: "96.0 MB/s". */
  speed(bytesPerSecond: number): string {
    return bytesPerSecond >= 0 && Number.isFinite(bytesPerSecond) ? this.word('format.speed', this.bytes(Math.trunc(bytesPerSecond))) : '?';
  }

  /** A whole number with its thousands grouped: "1,204". */
  count(n: number | bigint): string {
    return String(n).replace(/\B(?=(\d{3})+$)/g, this.form.group);
  }

  /** A share of one, cut and kept within 0 and 100, so that what is not done never reads 100. */
  percent(share: number): string {
    const n = share > 0 ? Math.trunc(Math.min(share, 1) * 100 + 1e-9) : 0;
    return this.form.percent.replace('#', String(n));
  }

  /** A day here: "2026-11-21" or "21.11.2026". */
  date(at: Date): string {
    return this.form.day(String(at.getFullYear()).padStart(4, '0'), two(at.getMonth() + 1), two(at.getDate()));
  }

  /** A moment here, to the minute. */
  time(at: Date): string {
    return `${this.date(at)} ${two(at.getHours())}:${two(at.getMinutes())}`;
  }

  /** The time of day here, to the second. */
  clock(at: Date): string {
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }

  /** A moment to come, as short as can be: "14:05" today, "Sun 02:00" within a week, later with its date. */
  coming(at: Date, now: Date): string {
    const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
    if (at.toDateString() === now.toDateString()) return time;
    const near = Math.abs(at.getTime() - now.getTime()) < 6 * day;
    return near ? `${new Intl.DateTimeFormat(this.lang, { weekday: 'short' }).format(at)} ${time}` : this.time(at);
  }

  /** A day by its weekday, with its year when that is another: "Sun 22 Nov", "22 Kas Paz". */
  day(at: Date, now: Date): string {
    const year = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const };
    return new Intl.DateTimeFormat(this.lang === 'en' ? 'en-GB' : this.lang, { weekday: 'short', day: 'numeric', month: 'short', ...year }).format(at).replace(',', '');
  }

  /** How long something took, in at most two units: "0.4 s", "1 min 24 s", "3 days 4 h". */
  duration(ms: number): string {
    const d = Math.max(ms, 0);
    if (d < 100) return this.word('format.milliseconds', String(Math.trunc(d)));
    if (d < 9_950) return this.word('format.seconds', this.decimal(d / second, 1));
    if (d < 59_500) return this.word('format.seconds', String(Math.round(d / second)));
    if (d < hour - 500) {
      const s = Math.round(d / second);
      return this.pair('format.minutes', Math.trunc(s / 60), 'format.seconds', s % 60);
    }
    if (d < day - 30 * second) {
      const m = Math.round(d / minute);
      return this.pair('format.hours', Math.trunc(m / 60), 'format.minutes', m % 60);
    }
    const h = Math.round(d / hour);
    const days = Math.trunc(h / 24);
    const text = this.days(days);
    return h % 24 ? `${text} ${this.word('format.hours', this.count(h % 24))}` : text;
  }

  private days(n: number): string {
    return this.word(n === 1 ? 'format.days.one' : 'format.days.other', this.count(n));
  }

  private pair(bigWord: Word, big: number, smallWord: Word, small: number): string {
    const text = this.word(bigWord, this.count(big));
    return small > 0 ? `${text} ${this.word(smallWord, this.count(small))}` : text;
  }

  /** A duration in one unit, cut: "40 s", "12 min", "3 h", "2 days". */
  age(ms: number): string {
    const d = Math.max(ms, 0);
    if (d < minute) return this.word('format.seconds', String(Math.trunc(d / second)));
    if (d < 90 * minute) return this.word('format.minutes', String(Math.trunc(d / minute)));
    if (d < 48 * hour) return this.word('format.hours', String(Math.trunc(d / hour)));
    return this.days(Math.trunc(d / day));
  }

  /** How long before now a moment lies: "12 min ago". Less than ten seconds, or to come, is now. */
  ago(at: Date, now: Date): string {
    const d = now.getTime() - at.getTime();
    return d < 10 * second ? this.form.words['format.now'] : this.word('format.ago', this.age(d));
  }
}

/** toFixed that rounds a half to the even digit, as Go does; toFixed rounds it up. */
function evenFixed(v: number, digits: number): string {
  const halves = v * 2 ** (digits + 1);
  const tie = Number.isInteger(halves) && halves % 2 !== 0;
  if (!tie) return v.toFixed(digits);
  const low = Math.floor(v * 10 ** digits);
  return ((low % 2 === 0 ? low : low + 1) / 10 ** digits).toFixed(digits);
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

const all: Record<Lang, Format> = { en: new Format('en'), tr: new Format('tr') };

/** The forms of a language; what is not known is English. */
export function formatFor(lang: string): Format {
  return lang === 'tr' ? all.tr : all.en;
}
