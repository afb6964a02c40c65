import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const src = resolve(import.meta.dirname, '..');
const styles = readFileSync(resolve(import.meta.dirname, 'mantine.css'), 'utf8');
const shipped = new Set(readdirSync(resolve(src, '../node_modules/@mantine/core/styles')));

test('every widget in use has its styles', () => {
  const used = new Set<string>();
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file)) continue;
    for (const [, names] of readFileSync(resolve(src, file), 'utf8').matchAll(/import \{([^}]*)\} from '@mantine\/core'/g))
      for (const name of names!.split(',')) used.add(name.trim().replace(/^type /, ''));
  }
  const lacking = [...used].filter((name) => shipped.has(`${name}.css`) && !styles.includes(`/${name}.css'`));
  expect(lacking).toEqual([]);
  expect(used.size).toBeGreaterThan(3);
});
