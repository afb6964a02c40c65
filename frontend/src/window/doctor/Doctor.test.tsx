import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { fakeApi } from '../../api/fake';
import { Problem } from '../../api/problem';
import { doctorOf } from '../../api/setup';
import { show } from '../../test/show';
import { inOrder } from './DoctorPage';

test('what needs somebody comes first, the rest stays in its order', () => {
  expect(inOrder(doctorOf().checks).map((c) => `${c.status} ${c.name}`)).toEqual([
    'failed destination', 'warning recovery_kit', 'warning job', 'ok home', 'ok space', 'ok vault', 'ok catalog', 'ok server', 'ok destination', 'ok job', 'ok database', 'skipped login',
  ]);
});

test('each check says what was found or what to do, and where', async () => {
  await show('/settings');
  await userEvent.click(await screen.findByRole('link', { name: 'Check' }));
  expect(await screen.findByText('1 check failed.')).toBeVisible();
  const line = (await screen.findByText('office-nas', { selector: 'bdi' })).closest('li')!;
  expect(line).toHaveTextContent('There was no answer within 10 seconds.');
  expect(line).not.toHaveTextContent('rahat doctor'); // the pages name no command
  expect(screen.getByRole('link', { name: 'Open office-nas' })).toHaveAttribute('href', '/destinations/office-nas');
  expect(screen.getByText('PostgreSQL 17.2 answers; pg_dump 17.2 fits.')).toBeVisible();
  expect(screen.getByText('nothing to examine.')).toBeVisible();
});

test('well, with warnings, and in Turkish', async () => {
  const checks = doctorOf().checks.filter((c) => c.status !== 'failed');
  const { api } = await show('/doctor', fakeApi({ doctor: () => Promise.resolve({ ok: true, checks }) }), 'tr');
  expect(await screen.findByText('Başarısız bir şey yok, 2 uyarı var.')).toBeVisible();
  api.doctor = () => Promise.resolve({ ok: true, checks: checks.filter((c) => c.status === 'ok') });
  await userEvent.click(screen.getByRole('button', { name: 'Yeniden incele' }));
  expect(await screen.findByText('Her şey yolunda.')).toBeVisible();
});

test('an examination that could not be made says why', async () => {
  await show('/doctor', fakeApi({ doctor: () => Promise.reject(new Problem({ code: 'catalog.damaged' })) }));
  expect(await screen.findByRole('alert')).toHaveTextContent('catalog.damaged');
});
