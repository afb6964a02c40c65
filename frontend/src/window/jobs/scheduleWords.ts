import type { TFunction } from 'i18next';
import type { Lang } from '../../format';
import { planOf, weekOrder } from './schedule';

/** A schedule in words, to stand within a sentence: "every Monday and Thursday at 02:00". Its time zone is told where one was chosen. */
export function scheduleWords(t: TFunction, lang: Lang, spec: string | undefined, zone = ''): string {
  const words = wordsOf(t, lang, spec);
  return zone && spec ? t('schedule.zoned', { words, zone }) : words;
}

function wordsOf(t: TFunction, lang: Lang, spec: string | undefined): string {
  const plan = planOf(spec);
  switch (plan.kind) {
    case 'hand':
      return t('schedule.hand');
    case 'daily':
      return t('schedule.daily', { time: plan.time });
    case 'weekly': {
      const days = weekOrder(plan.days);
      if (days.join() === '1,2,3,4,5') return t('schedule.workdays', { time: plan.time });
      return t('schedule.weekly', { days: join(lang, days.map((d) => dayName(lang, d))), time: plan.time });
    }
    case 'monthly':
      return t('schedule.monthly', { days: join(lang, plan.days.map((n) => t('schedule.nth', { n }))), time: plan.time });
    case 'every': {
      const count = Number.parseInt(plan.every, 10);
      return plan.every.endsWith('h') ? t('schedule.hours', { count }) : t('schedule.minutes', { count });
    }
    case 'cron':
      return t('schedule.cron', { line: plan.line });
  }
}

function join(lang: Lang, parts: string[]): string {
  return new Intl.ListFormat(lang, { type: 'conjunction' }).format(parts);
}

/** A day of the week as it stands in a sentence; they count from Sunday, 0. In Turkish it is written small there. */
export function dayName(lang: Lang, day: number, style: 'long' | 'short' = 'long'): string {
  const name = new Intl.DateTimeFormat(lang, { weekday: style, timeZone: 'UTC' }).format(Date.UTC(2026, 10, 1 + day)); // a Sunday
  return lang === 'tr' && style === 'long' ? name.toLocaleLowerCase('tr') : name;
}
