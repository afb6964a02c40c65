// Takes a picture of every page on the fake agent and has axe look at each; with
// --all in both languages, both themes and two sizes, and else in two looks that have
// nothing in common, so that every page is met in each language, theme and size, and
// the pages together in each pair of them. Fails on a finding, an error of the
// page, a breach of its policy, or a page wider than its window.
//   node e2e/pictures.mjs [--all] [part of a picture's name ...]
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { inspect } from './axe.mjs';
import { serve } from './serve.mjs';

const scenes = JSON.parse(readFileSync(fileURLToPath(new URL('scenes.json', import.meta.url)), 'utf8'));
const look = (width, height, theme, lang) => ({ width, height, theme, lang });
// Turkish words in the small window are where room is short: most pages get that.
const pairs = [
  [look(1440, 900, 'light', 'en'), look(800, 600, 'dark', 'tr')],
  [look(1440, 900, 'dark', 'en'), look(800, 600, 'light', 'tr')],
  [look(1440, 900, 'light', 'tr'), look(800, 600, 'dark', 'en')],
];
const rest = [look(1440, 900, 'dark', 'tr'), look(800, 600, 'light', 'en')];
const all = process.argv.includes('--all');
const looksOf = (i) => (all ? [...pairs.flat(), ...rest] : pairs[i % pairs.length]);
const only = process.argv.slice(2).filter((a) => a !== '--all');
const frontend = fileURLToPath(new URL('..', import.meta.url));
const out = process.env.RAHAT_PICTURES ?? join(tmpdir(), 'rahat-pictures');

mkdirSync(out, { recursive: true });
const built = mkdtempSync(join(tmpdir(), 'rahat-pages-'));
execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--mode', 'window', '--logLevel', 'warn'], { cwd: frontend, stdio: 'inherit', env: { ...process.env, RAHAT_FAKE: '1', RAHAT_OUT: built } });
const site = await serve(join(built, 'window'));
const browser = await chromium.launch({ executablePath: process.env.RAHAT_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--force-color-profile=srgb'] });

const findings = [];
const waiting = scenes
  .flatMap((scene, i) => looksOf(i).map((l) => ({ name: `${scene.name}-${l.width}-${l.theme}-${l.lang}`, scene, ...l })))
  .filter(({ name }) => !only.length || only.some((o) => name.includes(o)));
const taken = waiting.length;
const worker = async () => {
  for (let p = waiting.shift(); p; p = waiting.shift()) findings.push(...(await picture(p.name, p.scene, p)).map((f) => `${p.name}: ${f}`));
};
await Promise.all([worker(), worker(), worker()]);
await browser.close();
site.close();
rmSync(built, { recursive: true });
for (const f of findings) console.error(f);
console.log(`${taken} pictures in ${out}, ${findings.length} findings`);
process.exit(findings.length || !taken ? 1 : 0);

async function picture(name, scene, { width, height, theme, lang }) {
  const found = [];
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce', locale: lang });
  const page = await context.newPage();
  page.on('pageerror', (e) => found.push(`error: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' || /Content Security Policy/.test(m.text())) found.push(`console: ${m.text()}`);
  });
  try {
    await page.goto(`${site.address}?${new URLSearchParams({ fake: scene.fake, lang, theme })}#${scene.at ?? '/'}`);
    await page.waitForSelector(scene.wait ?? 'main h1');
    for (const step of scene.steps ?? []) await act(page, step, lang);
    await page.waitForTimeout(scene.settle ?? 250); // for transitions of place
    await page.screenshot({ path: join(out, `${name}.png`) });
    const wide = await page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth + innerWidth) - innerWidth);
    if (wide > 0) found.push(`${wide} px wider than the window`);
    found.push(...(await inspect(page)));
  } catch (e) {
    found.push(`stopped: ${e.message.split('\n')[0]}`);
    await page.screenshot({ path: join(out, `${name}.png`) });
  }
  await context.close();
  return found;
}

/** One step: {"click": "css"} or {"click": {"en": "words", "tr": "words"}}, {"fill": ["css", "text"]}, {"wait": "css"}, {"eval": "code"}. */
async function act(page, step, lang) {
  if (typeof step.click === 'string') await page.click(step.click);
  else if (step.click) await page.getByRole('button', { name: step.click[lang], exact: true }).first().click();
  if (step.fill) await page.fill(step.fill[0], step.fill[1]);
  if (step.wait) await page.waitForSelector(step.wait);
  if (step.eval) await page.evaluate(step.eval);
}
