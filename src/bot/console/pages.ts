import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** The page may load from here and talk to here, and nothing else: foreign text that got through still could not run. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

export function harden(reply: FastifyReply): void {
  reply.headers({
    'content-security-policy': POLICY,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
    'cache-control': 'no-store',
  });
}

/** Every address that is a page: the page's own code routes from there. */
const PAGES = ['/', '/signin', '/wall', '/set-up', '/incident/:id', '/service/:name'];

export async function pages(app: FastifyInstance, webRoot: string): Promise<void> {
  const built = existsSync(join(webRoot, 'index.html'));
  if (built) await app.register(fastifyStatic, { root: webRoot, serve: false, cacheControl: false });
  for (const path of PAGES)
    app.get(path, { config: { open: true } }, (_request, reply) =>
      built ? reply.type('text/html; charset=utf-8').sendFile('index.html') : notBuilt(reply),
    );
  app.get<{ Params: { '*': string } }>('/assets/*', { config: { open: true } }, (request, reply) =>
    built
      ? // Names carry a hash of their content, so they never change.
        reply
          .header('cache-control', 'public, max-age=31536000, immutable')
          .sendFile(`assets/${request.params['*']}`)
      : notBuilt(reply),
  );
  app.get('/icon.svg', { config: { open: true } }, (_request, reply) =>
    built ? reply.sendFile('icon.svg') : notBuilt(reply),
  );
}

function notBuilt(reply: FastifyReply): FastifyReply {
  return reply
    .code(503)
    .type('text/plain; charset=utf-8')
    .send('The pages are not built. In the clone: npm run build. The API answers meanwhile.\n');
}
