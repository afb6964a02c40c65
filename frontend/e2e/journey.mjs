// Walks through the pages as a person does, against a real agent and a real
// server: finds the database, backs it up, sees it proved, restores it, loses
// the agent and finds it again. Run by the tests of internal/e2e, which start
// both and do what is asked for on standard output.
//   JOURNEY='{"url","lang","theme","width","height","database","server","folder","rows","pictures"}' node e2e/journey.mjs
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { IntlMessageFormat } from 'intl-messageformat';
import { chromium } from 'playwright-core';
import { inspect } from './axe.mjs';

const plan = JSON.parse(process.env.JOURNEY);
const words = JSON.parse(readFileSync(new URL(`../src/i18n/${plan.lang}.json`, import.meta.url), 'utf8'));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const browser = await chromium.launch({ executablePath: process.env.RAHAT_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const context = await browser.newContext({ viewport: { width: plan.width, height: plan.height }, colorScheme: plan.theme, locale: plan.lang, reducedMotion: 'reduce' });
const page = await context.newPage();
const findings = [];
let may = false; // an agent that is gone may fail what is asked of it
page.setDefaultTimeout(60_000);
page.on('pageerror', (e) => findings.push(`error: ${e.message}`));
page.on('console', (m) => {
  if (m.type() === 'error' && !may) findings.push(`console: ${m.text()}`);
});

try {
  await journey();
} catch (e) {
  findings.push(e.message);
  await picture('stopped');
  findings.push(await page.locator('body').innerText());
}
await browser.close();
for (const f of findings) console.error(f);
process.exit(findings.length ? 1 : 0);

async function journey() {
  await page.goto(plan.url);
  await page.waitForSelector('main h1');
  expect((await page.getAttribute('html', 'lang')) === plan.lang, 'the pages speak the language of the settings');
  await row();
  await look('found');
  await backUp();
  await restore();
  await loseTheAgent();
  await loseTheDatabase();
}

/** From a database that was found to one that is backed up and proved. */
async function backUp() {
  await (await row()).getByRole('button', { name: `${t('databases.back_up')}: ${plan.database}` }).click();
  if (plan.folder) {
    const folder = page.getByLabel(t('destination.folder'));
    await folder.waitFor();
    await look('where-to');
    await folder.fill(plan.folder);
    await button('destination.use').click();
  }
  await page.getByText(t('run.proven', { rows: number(plan.rows) })).first().waitFor();
  await page.locator('tr', { hasText: plan.database }).getByRole('img', { name: t('state.protected') }).waitFor();
  await look('protected');
}

/** Four clicks from here to a restored database. */
async function restore() {
  await (await row()).getByRole('link', { name: plan.database, exact: true }).click();
  await page.getByText(t('database.rows_equal', { rows: number(plan.rows) })).first().waitFor();
  await look('database');
  await page.getByRole('link', { name: new RegExp(`^${t('database.restore')}`) }).first().click();
  await page.getByRole('status').getByText(t('restore.ready'), { exact: true }).first().waitFor();
  const name = await page.getByLabel(t('restore.name')).inputValue();
  expect(name !== plan.database && name.startsWith(plan.database), `a new name is proposed: ${name}`);
  await look('checks');
  await button('restore.go').click();
  await page.getByText(t('run.restored', { name })).first().waitFor();
  const connection = await page.locator('code, input[readonly]').first().textContent();
  expect(/postgres/.test(connection ?? ''), `a connection string to copy: ${connection}`);
  await look('restored');
  await ask('restored', name);
}

/** The agent dies under the page, which says so and keeps what it knew. */
async function loseTheAgent() {
  await page.goto(page.url().replace(/#.*/, '#/'));
  await row();
  may = true;
  await ask('kill');
  await page.getByText(t('lost.title')).waitFor();
  await look('lost');
}

/** What is done elsewhere is seen here. The agent is a new one, whose pages have a new address. */
async function loseTheDatabase() {
  const url = await ask('start');
  await page.goto(url);
  may = false;
  await (await row()).getByRole('link', { name: plan.database, exact: true }).click();
  await page.getByRole('link', { name: new RegExp(`^${t('database.restore')}`) }).first().waitFor();
  await ask('drop');
  await page.getByText(t('database.gone', { server: plan.server })).waitFor();
  await look('dropped');
}

/** The row of the database, once it is listed. */
async function row() {
  const found = page.locator('tr', { hasText: plan.database }).first();
  await found.waitFor();
  return found;
}

/** A text of the pages in the language of the journey. */
function t(key, values = {}) {
  if (!(key in words)) throw new Error(`no text ${key}`);
  return String(new IntlMessageFormat(words[key], plan.lang).format(values));
}

function number(n) {
  return new Intl.NumberFormat(plan.lang === 'tr' ? 'tr' : 'en').format(n);
}

function button(key, values) {
  return page.getByRole('button', { name: t(key, values), exact: true });
}

/** Asks the test to do something and waits for its answer. */
async function ask(what, ...more) {
  console.log([what, ...more].join('\t'));
  const { value, done } = await lines.next();
  if (done) throw new Error(`nobody did ${what}`);
  return value;
}

/** Has axe look, and keeps a picture. */
async function look(name) {
  await page.waitForTimeout(300); // for transitions of place
  await picture(name);
  findings.push(...(await inspect(page)).map((f) => `${name}: ${f}`));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide <= 0, `${name}: ${wide} px wider than the window`);
}

async function picture(name) {
  if (plan.pictures) await page.screenshot({ path: join(plan.pictures, `${name}.png`) });
}

function expect(holds, what) {
  if (!holds) findings.push(`not so: ${what}`);
}
