import { parse, TYPE, type MessageFormatElement } from '@formatjs/icu-messageformat-parser';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import IntlMessageFormat from 'intl-messageformat';
import { expect, test } from 'vitest';
import en from './en.json';
import tr from './tr.json';
import { loadTexts } from './texts';

const both: [string, Record<string, string>][] = [['en', en], ['tr', tr]];

/** The arguments of a message with their kinds. */
function args(message: string): string[] {
  const found = new Set<string>();
  const walk = (nodes: MessageFormatElement[]) => {
    for (const n of nodes) {
      if (n.type !== TYPE.literal && n.type !== TYPE.pound) found.add(`${n.value}:${n.type}`);
      if ('options' in n) for (const o of Object.values(n.options)) walk(o.value);
    }
  };
  walk(parse(message, { requiresOtherClause: true }));
  return [...found].sort();
}

test('both languages have the same keys with the same arguments', () => {
  expect(Object.keys(tr).sort()).toEqual(Object.keys(en).sort());
  for (const key of Object.keys(en) as (keyof typeof en)[]) expect(args(tr[key]), key).toEqual(args(en[key]));
});

test('every message can be written', () => {
  for (const [lang, words] of both)
    for (const [key, message] of Object.entries(words)) {
      const values: Record<string, number> = {};
      for (const a of args(message)) values[a.split(':')[0]!] = 2;
      expect(new IntlMessageFormat(message, lang).format(values), key).not.toBe('');
    }
});

test('keys are used, and used ones exist', () => {
  const script = resolve(import.meta.dirname, '../../scripts/i18n-check.mjs');
  expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toContain(' 0 findings');
});

test('problems have title and remedy; one that nobody knows is told by its name and cause', async () => {
  const texts = await loadTexts('tr');
  expect(texts.problem({ code: 'agent.no_server', params: { name: 'ıİ$&' } }).title).toContain('ıİ$&');
  expect(texts.problem({ code: 'x.y' }).title).toContain('x.y');
  expect(texts.problem({ code: 'x.y', detail: 'why' }).title).toContain('why');
});

test('where the remedy is a command, the pages say what can be done in them', async () => {
  for (const lang of ['en', 'tr'] as const) {
    const { remedy } = (await loadTexts(lang)).problem({ code: 'engine.target_exists', params: { database: 'x' } });
    expect(remedy).not.toContain('--overwrite');
    expect(remedy).not.toBe('');
  }
});
