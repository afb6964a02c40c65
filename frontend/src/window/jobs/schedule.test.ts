import { expect, test } from 'vitest';
import { startWords } from '../../i18n';
import { daysOfMonth, lacking, planOf, specOf, type Plan } from './schedule';
import { scheduleWords } from './scheduleWords';

test('the forms of the agent are understood', () => {
  const plans: [string, Plan][] = [
    ['', { kind: 'hand' }],
    ['02:00', { kind: 'daily', time: '02:00' }],
    [' 9:05 ', { kind: 'daily', time: '09:05' }],
    ['30 2 * * *', { kind: 'daily', time: '02:30' }],
    ['@daily', { kind: 'daily', time: '00:00' }],
    ['every 24h', { kind: 'daily', time: '00:00' }],
    ['0 2 * * 0-6', { kind: 'daily', time: '02:00' }],
    ['mon,thu 02:00', { kind: 'weekly', days: [1, 4], time: '02:00' }],
    ['MON-FRI  18:30', { kind: 'weekly', days: [1, 2, 3, 4, 5], time: '18:30' }],
    ['@weekly', { kind: 'weekly', days: [0], time: '00:00' }],
    ['0 2 ? * sun', { kind: 'weekly', days: [0], time: '02:00' }],
    ['1,15 02:00', { kind: 'monthly', days: [1, 15], time: '02:00' }],
    ['@monthly', { kind: 'monthly', days: [1], time: '00:00' }],
    ['every 4h', { kind: 'every', every: '4h' }],
    ['every 15 min', { kind: 'every', every: '15m' }],
    ['every 60m', { kind: 'every', every: '1h' }],
    ['@hourly', { kind: 'every', every: '1h' }],
    ['* * * * *', { kind: 'every', every: '1m' }],
  ];
  for (const [spec, plan] of plans) {
    expect(planOf(spec), spec).toEqual(plan);
    expect(planOf(specOf(plan)), spec).toEqual(plan);
  }
});

test('what has no fields stays as it was written', () => {
  for (const spec of ['0 8-19 * * 1-6', '0 0 1 1 *', '0 2 1 * 1', '0 2 */2 * *', 'fri-mon 02:00', 'foo 02:00', '25:00', '0 2 32 * *', 'every 7h', 'every 0m', 'nonsense', '20 */4 * * *', '0 2 * * 7'])
    expect(planOf(spec), spec).toEqual({ kind: 'cron', line: spec });
});

test('what is not filled in is told', () => {
  expect(lacking({ kind: 'daily', time: '2' })).toBe('time');
  expect(lacking({ kind: 'daily', time: '24:00' })).toBe('time');
  expect(lacking({ kind: 'weekly', days: [], time: '02:00' })).toBe('days');
  expect(lacking({ kind: 'cron', line: ' ' })).toBe('line');
  expect(lacking({ kind: 'hand' })).toBeUndefined();
  expect(lacking({ kind: 'monthly', days: [31], time: '2:00' })).toBeUndefined();
  expect([daysOfMonth('1, 15'), daysOfMonth('3-5,4'), daysOfMonth('0'), daysOfMonth('32'), daysOfMonth('x')]).toEqual([[1, 15], [3, 4, 5], [], [], []]);
});

test('in words, in both languages', async () => {
  const said: [string, string, string][] = [
    ['', 'only when asked for', 'yalnızca istendiğinde'],
    ['02:00', 'every day at 02:00', 'her gün saat 02:00'],
    ['mon-fri 18:30', 'Monday to Friday at 18:30', 'hafta içi her gün saat 18:30'],
    ['sun,thu,mon 02:00', 'every Monday, Thursday, and Sunday at 02:00', 'her pazartesi, perşembe ve pazar saat 02:00'],
    ['sat 02:00', 'every Saturday at 02:00', 'her cumartesi saat 02:00'],
    ['1,2,3,15 02:00', 'on the 1st, 2nd, 3rd, and 15th of every month at 02:00', 'her ayın 1., 2., 3. ve 15. günü saat 02:00'],
    ['every 1h', 'every hour', 'saatte bir'],
    ['every 4h', 'every 4 hours', '4 saatte bir'],
    ['every 1m', 'every minute', 'dakikada bir'],
    ['every 15m', 'every 15 minutes', '15 dakikada bir'],
    ['0 8-19 * * 1-6', 'by cron: 0 8-19 * * 1-6', 'cron ile: 0 8-19 * * 1-6'],
  ];
  const [en, tr] = await Promise.all([startWords('en'), startWords('tr')]);
  for (const [spec, english, turkish] of said) {
    expect(scheduleWords(en.i18n.t, 'en', spec)).toBe(english);
    expect(scheduleWords(tr.i18n.t, 'tr', spec)).toBe(turkish);
  }
  expect(scheduleWords(en.i18n.t, 'en', '02:00', 'Europe/Berlin')).toBe('every day at 02:00 (Europe/Berlin)');
  expect(scheduleWords(en.i18n.t, 'en', '', 'Europe/Berlin')).toBe('only when asked for');
});
