import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const css = readFileSync(resolve(import.meta.dirname, 'tokens.css'), 'utf8');

/** The colours of a theme by name. */
function colours(block: RegExp): Record<string, string> {
  const body = block.exec(css)?.[1] ?? '';
  const found: Record<string, string> = {};
  for (const [, name, value] of body.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)) found[name!] = value!;
  return found;
}

const light = colours(/:root, \[data-theme="light"\][^{]*\{([^}]*)\}/);
const themes = { light, dark: { ...light, ...colours(/\n\[data-theme="dark"\][^{]*\{([^}]*)\}/) } };

/** Contrast after WCAG 2.2. */
function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p) as [number, number];
  return (x + 0.05) / (y + 0.05);
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const v = parseInt(hex.slice(i, i + 2), 16) / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const grounds = ['bg', 'surface', 'sunken', 'raised'];
const pairs: [string, string][] = [
  ...grounds.flatMap((g): [string, string][] => ['text', 'text-2', 'text-3', 'accent-text'].map((t) => [t, g])),
  ...['ok', 'warn', 'bad', 'accent'].flatMap((k): [string, string][] => [[`${k}-text`, `${k}-soft`], ['text', `${k}-soft`], ['text-2', `${k}-soft`]]),
  ...['ok', 'warn', 'bad'].map((k): [string, string] => [`${k}-text`, 'surface']),
  ['accent-on', 'accent'], ['accent-on', 'accent-hover'], ['bad-on', 'bad-fill'], ['bad-on', 'bad-hover'], ['text-2', 'tag'],
];

describe.each(Object.entries(themes))('%s', (_, theme) => {
  test.each(pairs)('%s on %s can be read', (text, ground) => {
    expect(contrast(theme[text]!, theme[ground]!)).toBeGreaterThanOrEqual(4.5);
  });
  test.each(grounds)('outlines of fields are seen on %s', (ground) => {
    expect(contrast(theme['line-control']!, theme[ground]!)).toBeGreaterThanOrEqual(3);
  });
});
