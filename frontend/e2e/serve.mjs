// Serves built pages as the window and the agent do: the policy as a header,
// the nonce put into index.html.
import { createReadStream, readFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { randomBytes } from 'node:crypto';

const types = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.json': 'application/json', '.md': 'text/plain; charset=utf-8', '.svg': 'image/svg+xml' };

export function policy(nonce) {
  return `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/** Serves a folder on a free port of this computer; answers its address and what closes it. */
export async function serve(folder) {
  const server = createServer((req, res) => {
    const path = normalize(new URL(req.url, 'http://x').pathname);
    if (path === '/' || path === '/index.html') {
      const nonce = randomBytes(16).toString('base64');
      res.writeHead(200, { 'content-type': types['.html'], 'content-security-policy': policy(nonce) });
      res.end(readFileSync(join(folder, 'index.html'), 'utf8').replaceAll('__CSP_NONCE__', nonce));
      return;
    }
    const file = join(folder, path);
    if (!existsSync(file)) return void res.writeHead(404).end();
    res.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(res);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
