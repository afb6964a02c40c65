import { describe, expect, test } from 'vitest';
import cases from '../../../internal/i18n/testdata/rendering.json';
import cliEn from '../../../internal/i18n/messages/en/cli.json';
import formatEn from '../../../internal/i18n/messages/en/format.json';
import stateEn from '../../../internal/i18n/messages/en/state.json';
import cliTr from '../../../internal/i18n/messages/tr/cli.json';
import formatTr from '../../../internal/i18n/messages/tr/format.json';
import stateTr from '../../../internal/i18n/messages/tr/state.json';
import type { Lang } from '../format';
import { Texts } from '../i18n/texts';
import en from '../i18n/words-en';
import tr from '../i18n/words-tr';

interface Case { lang: Lang; key: string; params?: Record<string, string>; now: string; text: string }

// The cases use texts of the command line too, which the pages do without.
const texts = { en: new Texts('en', { ...en, ...formatEn, ...stateEn, ...cliEn }), tr: new Texts('tr', { ...tr, ...formatTr, ...stateTr, ...cliTr }) };

describe('the Go side’s texts are written as the Go side writes them', () => {
  test('there are cases', () => expect(cases.length).toBeGreaterThan(50));
  for (const c of cases as Case[])
    test(`${c.lang} ${c.key} ${JSON.stringify(c.params ?? {})}`, () => {
      expect(texts[c.lang].say({ code: c.key, ...(c.params && { params: c.params }) }, new Date(c.now))).toBe(c.text);
    });
});
