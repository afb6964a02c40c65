import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { show } from '../../test/show';
import * as en from './en';
import * as tr from './tr';

test('both languages explain the same things, with the same commands', () => {
  expect(tr.sections.map((s) => s.id)).toEqual(en.sections.map((s) => s.id));
  en.sections.forEach((s, i) => {
    const [a, b] = [s, tr.sections[i]!].map((x) => [...renderToStaticMarkup(x.body).matchAll(/<(\w+)[ >]/g)].map((m) => m[1]).filter((tag) => ['pre', 'li', 'dd', 'p', 'code'].includes(tag!)));
    expect(b, s.id).toEqual(a);
  });
});

test.each([['en', 'What a proof is'], ['tr', 'Kanıt nedir']] as const)('in %s, from the contents to a section', async (lang, title) => {
  await show('/help', undefined, lang);
  await userEvent.click(await screen.findByRole('button', { name: title }));
  expect(document.activeElement?.id).toBe('proof');
  expect(screen.getByRole('heading', { level: 2, name: title })).toBeVisible();
});
