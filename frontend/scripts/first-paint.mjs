// Prints how much JavaScript the first page loads, compressed, and fails when
// it is more than the measure of the house.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const most = 200_000;
const out = fileURLToPath(new URL(`../${process.env.RAHAT_OUT ?? 'dist'}/window/`, import.meta.url));

const manifest = JSON.parse(readFileSync(`${out}.vite/manifest.json`, 'utf8'));
const size = (file) => gzipSync(readFileSync(out + file), { level: 9 }).length;
const seen = new Set();
function load(key) {
  if (seen.has(key)) return;
  seen.add(key);
  for (const k of manifest[key].imports ?? []) load(k);
}
// The first page is the entry, the dashboard and the interface's words of the longer language; the texts of problems are read after it.
for (const [key, chunk] of Object.entries(manifest)) {
  if (chunk.isEntry || /dashboard\/Dashboard\.tsx$|i18n\/tr\.json$/.test(key)) load(key);
}
const files = [...seen].map((k) => manifest[k].file).filter((f) => f.endsWith('.js'));
const bytes = files.reduce((sum, f) => sum + size(f), 0);
const css = new Set([...seen].flatMap((k) => manifest[k].css ?? []));
const cssBytes = [...css].reduce((sum, f) => sum + size(f), 0);
const kB = (n) => `${(n / 1000).toFixed(1)} kB`;
console.log(`first paint: ${kB(bytes)} of JavaScript in ${files.length} files (at most ${kB(most)}), ${kB(cssBytes)} of styles, compressed`);
process.exit(bytes > most ? 1 : 0);
