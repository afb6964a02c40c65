import react from '@vitejs/plugin-react';
import { request } from 'node:http';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;

/** In `vite dev`, hands /api to the agent's unix socket; vite's own proxy speaks TCP only. */
function agentSocket(socketPath: string | undefined): Plugin {
  return {
    name: 'agent-socket',
    configureServer(server) {
      if (!socketPath) return;
      server.middlewares.use('/api', (req, res) => {
        const up = request({ socketPath, method: req.method, path: `/api${req.url ?? ''}`, headers: { ...req.headers, host: 'agent' } }, (answer) => {
          res.writeHead(answer.statusCode ?? 502, answer.headers);
          pipeline(answer, res, () => undefined); // an agent that dies ends the answer too
        });
        up.on('error', (e) => {
          if (!res.headersSent) res.writeHead(502, { 'content-type': 'application/problem+json' });
          res.end(JSON.stringify({ code: 'control.unreachable', params: { address: socketPath }, detail: e.message, status: 502 }));
        });
        res.on('close', () => up.destroy());
        req.pipe(up);
      });
    },
  };
}

/** Leaves out of the Go side's texts what only the command line, messages and papers say: the pages load all the rest at their start. */
function textsOfPages(): Plugin {
  const elsewhere = /^(help|flag|message|kit|notify|channel|key)\./;
  return {
    name: 'texts-of-pages',
    enforce: 'pre',
    transform(code, id) {
      if (!/internal\/i18n\/messages\/\w+\/\w+\.json$/.test(id)) return undefined;
      const texts = Object.entries(JSON.parse(code) as Record<string, string>);
      return { code: JSON.stringify(Object.fromEntries(texts.filter(([key]) => !elsewhere.test(key)))), map: null };
    },
  };
}

// One build a program: `--mode window` has its root in src/window and goes to
// dist/window, which the window's program carries inside.
export default defineConfig(({ mode, command }) => {
  const entry = mode === 'hub' ? 'hub' : 'window';
  return {
    root: resolve(root, 'src', entry),
    base: './',
    cacheDir: resolve(root, 'node_modules/.vite', entry),
    publicDir: resolve(root, 'public'),
    plugins: [react(), textsOfPages(), agentSocket(process.env.RAHAT_SOCKET)],
    // The Go side replaces the place-holder in every answer; vite's own server
    // sends no policy, so there it stays out.
    ...(command === 'build' && { html: { cspNonce: '__CSP_NONCE__' } }),
    define: { __FAKE_API__: JSON.stringify(process.env.RAHAT_FAKE === '1' || command === 'serve') },
    build: {
      outDir: resolve(root, process.env.RAHAT_OUT ?? 'dist', entry),
      emptyOutDir: true,
      target: ['safari16', 'chrome110'],
      sourcemap: process.env.RAHAT_SOURCEMAP ? 'hidden' : false,
      assetsInlineLimit: 0,
      manifest: true,
      license: true,
      reportCompressedSize: false,
    },
    server: {
      host: '127.0.0.1',
      port: Number(process.env.RAHAT_DEV_PORT ?? 5173),
      strictPort: true,
      hmr: { protocol: 'ws', host: '127.0.0.1' },
      fs: { allow: [resolve(root), resolve(root, '../internal/i18n')] },
    },
    test: {
      root: resolve(root, 'src'),
      environment: 'jsdom',
      globals: false,
      setupFiles: [resolve(root, 'src/test/setup.ts')],
      css: false,
      testTimeout: 20_000,
    },
  };
});
