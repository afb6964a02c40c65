// Has axe look at a page. It comes in by the debugger, since the policy of the
// page lets no foreign script in.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Answers a line for each finding. */
export async function inspect(page) {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('Runtime.evaluate', { expression: axe });
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression: `axe.run({ runOnly: ${JSON.stringify(rules)} }).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | ')))`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) return [`axe: ${exceptionDetails.text}`];
    return result.value.map((v) => `axe ${v}`);
  } finally {
    await session.detach();
  }
}
