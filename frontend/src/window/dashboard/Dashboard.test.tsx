import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { show } from '../../test/show';

test('the state is the title, and every database has a row', async () => {
  await show();
  expect(await screen.findByRole('heading', { level: 1 })).toHaveTextContent('All 7 databases protected.');
  expect(await screen.findAllByRole('row')).toHaveLength(8);
});

test('in Turkish', async () => {
  await show('/', undefined, 'tr');
  expect(await screen.findByRole('heading', { level: 1 })).toHaveTextContent('7 veritabanının hepsi korunuyor.');
  expect(document.documentElement.lang).toBe('tr');
});
