// Compares the languages' keys and ICU arguments, and the keys with their uses
// in the source. A key that is put together at run time (`t(`phase.${p}`)`)
// counts as a use of every key with that beginning.
import { parse, TYPE } from '@formatjs/icu-messageformat-parser';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dir = fileURLToPath(new URL('../src/', import.meta.url));
const read = (lang) => JSON.parse(readFileSync(join(dir, 'i18n', `${lang}.json`), 'utf8'));
const kinds = Object.fromEntries(Object.entries(TYPE).map(([name, value]) => [value, name]));

function args(nodes, out = new Set()) {
  for (const n of nodes) {
    if (n.type !== TYPE.literal && n.type !== TYPE.pound) out.add(`${n.value}:${kinds[n.type]}`);
    for (const o of Object.values(n.options ?? {})) args(o.value, out);
    if (n.children) args(n.children, out);
  }
  return out;
}

const findings = [];
const en = read('en');
const tr = read('tr');
for (const key of new Set([...Object.keys(en), ...Object.keys(tr)])) {
  if (!(key in en) || !(key in tr)) {
    findings.push(`${key}: missing in ${key in en ? 'tr' : 'en'}`);
    continue;
  }
  const [a, b] = [en, tr].map((m) => [...args(parse(m[key], { requiresOtherClause: true }))].sort().join(' '));
  if (a !== b) findings.push(`${key}: arguments differ: ${a} | ${b}`);
  for (const [lang, m] of [['en', en], ['tr', tr]]) if (/^\s|\s$|!|\.\.\./.test(m[key])) findings.push(`${key}: blank at an end, "!" or "..." in ${lang}`);
}

const sources = readdirSync(dir, { recursive: true })
  .filter((f) => /\.tsx?$/.test(f) && !/\.test\.tsx?$|\.d\.ts$/.test(f))
  .map((f) => readFileSync(join(dir, f), 'utf8'))
  .join('\n');
const beginnings = [...sources.matchAll(/`([a-z][\w.]*\.)\$\{/g)].map((m) => m[1]);
for (const key of Object.keys(en)) {
  if (!sources.includes(`'${key}'`) && !sources.includes(`"${key}"`) && !beginnings.some((b) => key.startsWith(b))) findings.push(`${key}: unused`);
}
for (const f of findings) console.error(f);
console.log(`${Object.keys(en).length} keys, ${findings.length} findings`);
process.exit(findings.length ? 1 : 0);
