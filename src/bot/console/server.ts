import fastifyCookie from '@fastify/cookie';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { Callers, csrfFits } from './caller.ts';
import type { ConsoleOptions, ConsoleServer } from './contract.ts';
import { bracketed, doorsOf, type Listening, publicUrl } from './doors.ts';
import { harden, pages } from './pages.ts';
import { Refusal, refuse } from './refusal.ts';
import { deskRoutes, maySee } from './routes.ts';
import { Sessions } from './sessions.ts';
import { signInRoutes } from './sign-in.ts';
import { Streams } from './stream.ts';

const MOST_BYTES = 64 * 1024;

/** The web console: pages, API and stream on one address, for signed-in people and programs with a token. */
export async function startConsole(options: ConsoleOptions): Promise<ConsoleServer> {
  const { desk, config, log } = options;
  const now = options.now ?? Date.now;
  const startedAt = now();
  const wanted = listenOf(config().console.listen);
  let listening: Listening = wanted;
  const sessions = new Sessions(options.store, now);
  const callers = new Callers(options, sessions);
  const streams = new Streams(desk, sessions, log, (caller) => callers.stillKnown(caller), now);
  // Its own log would hold addresses and headers; what matters is logged where it happens.
  const app = fastify({
    logger: false,
    bodyLimit: MOST_BYTES,
    forceCloseConnections: true,
    trustProxy: false,
  });

  app.decorateRequest('caller', null);
  await app.register(fastifyCookie);
  // Anything that is not open is closed, also what does not exist: a stranger cannot learn what there is.
  app.addHook('onRequest', async (request, reply) => {
    harden(reply);
    const doors = doorsOf(config(), listening);
    if (!doors.host(request.headers.host)) throw new Refusal('WRONG_HOST');
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    const { origin } = request.headers;
    const { open, anybody } = request.is404 ? {} : request.routeOptions.config;
    if ((changes || !open) && origin !== undefined && !doors.origin(origin))
      throw new Refusal('WRONG_ORIGIN');
    if (open) return;
    request.caller = await callers.of(request);
    const { session, identity } = request.caller;
    if (changes && session) {
      if (origin === undefined) throw new Refusal('WRONG_ORIGIN');
      if (!csrfFits(request, session)) throw new Refusal('NO_CSRF');
    }
    if (!anybody && !maySee(desk, identity)) throw new Refusal('NO_RIGHT_TO_SEE');
  });
  app.setErrorHandler((thrown, request, reply) => {
    if (thrown instanceof Refusal) return refuse(reply, thrown.code, thrown.detail);
    const status = statusOf(thrown);
    if (status === 413) return refuse(reply, 'TOO_LARGE');
    if (status !== undefined && status < 500) return refuse(reply, 'BAD_REQUEST');
    log.error({ route: routeOf(request), problem: reason(thrown) }, 'the console could not answer');
    return refuse(reply, 'INTERNAL');
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 'NO_SUCH_PAGE'));

  app.get('/api/health', { config: { open: true } }, async () => ({
    status: 'ok',
    version: options.version,
    uptime: Math.round((now() - startedAt) / 1000),
  }));
  signInRoutes(app, { options, sessions, callers });
  deskRoutes(app, desk);
  const { metrics } = options;
  if (metrics)
    app.get('/metrics', async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.text()),
    );
  app.get('/api/stream', (request, reply) => {
    if (streams.full) throw new Refusal('TOO_MANY_READERS');
    if (!request.caller) throw new Refusal('NOT_SIGNED_IN');
    const headers = reply.getHeaders();
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(headers as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      // A proxy in front must not collect events before it passes them on.
      'x-accel-buffering': 'no',
    });
    streams.add(request.caller, reply.raw);
  });
  await pages(app, options.webRoot);

  try {
    listening = await listen(app, wanted);
  } catch (thrown) {
    streams.close();
    await app.close();
    throw thrown;
  }
  const address = `${bracketed(listening.host)}:${listening.port}`;
  log.info({ address }, 'the console listens');
  return {
    address,
    link: async (name, { localApprover = false } = {}) =>
      `${publicUrl(config(), listening)}/signin#${await sessions.newLink(name, localApprover)}`,
    close: async () => {
      streams.close();
      await app.close();
    },
  };
}

async function listen(app: FastifyInstance, wanted: Listening): Promise<Listening> {
  try {
    await app.listen(wanted);
  } catch (thrown) {
    throw new WarroomError(
      'ADDRESS_IN_USE',
      { address: `${bracketed(wanted.host)}:${wanted.port}`, problem: reason(thrown) },
      thrown,
    );
  }
  const taken = app.server.address();
  return { host: wanted.host, port: typeof taken === 'object' && taken ? taken.port : wanted.port };
}

/** `127.0.0.1:7080`, `[::1]:7080`, or a port alone, which means this machine only. */
function listenOf(text: string): Listening {
  const [, v6, host, port] = /^(?:\[([^\]]+)\]:|([^:]+):|)(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined)
    throw new WarroomError('ADDRESS_IN_USE', { address: text, problem: 'it is not written HOST:PORT' });
  return { host: v6 ?? host ?? '127.0.0.1', port: Number(port) };
}

function statusOf(thrown: unknown): number | undefined {
  return typeof thrown === 'object' &&
    thrown &&
    'statusCode' in thrown &&
    typeof thrown.statusCode === 'number'
    ? thrown.statusCode
    : undefined;
}

/** The pattern of the route, never the address itself, which may hold what somebody typed. */
function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
}
