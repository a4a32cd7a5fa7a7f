import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Attempts } from './attempts.ts';
import { type Callers, COOKIE } from './caller.ts';
import type { ConsoleOptions } from './contract.ts';
import { Refusal } from './refusal.ts';
import { SESSION_MS, type Session, type Sessions } from './sessions.ts';

const FAILED_LINKS_A_MINUTE = 10;
const Body = z.strictObject({ token: z.string().min(1).max(200) });

interface Parts {
  readonly options: ConsoleOptions;
  readonly sessions: Sessions;
  readonly callers: Callers;
}

/** Signing in with a link, out again, and who one is. */
export function signInRoutes(app: FastifyInstance, { options, sessions, callers }: Parts): void {
  const attempts = new Attempts(FAILED_LINKS_A_MINUTE, options.now ?? Date.now);
  const me = (identity: Parameters<typeof options.desk.whoIs>[0], session?: Session) => ({
    ...options.desk.whoIs(identity),
    ...(session ? { csrf: session.csrf, expiresAt: session.expiresAt } : {}),
  });

  app.post('/api/signin', { config: { open: true } }, async (request, reply) => {
    if (!attempts.allowed(request.ip)) throw new Refusal('TOO_MANY');
    const body = Body.safeParse(request.body);
    const redeemed = body.success ? await sessions.redeem(body.data.token) : undefined;
    if (!redeemed) {
      attempts.failed(request.ip);
      throw new Refusal(body.success ? 'LINK_SPENT' : 'BAD_REQUEST');
    }
    reply.setCookie(COOKIE, redeemed.cookie, {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: options.config().console.publicUrl?.startsWith('https:') ?? false,
      maxAge: SESSION_MS / 1000,
    });
    options.log.info({ name: redeemed.session.name }, 'signed in to the console');
    return me(callers.identityOf(redeemed.session), redeemed.session);
  });

  app.get('/api/me', { config: { anybody: true } }, async (request) => {
    if (!request.caller) throw new Refusal('NOT_SIGNED_IN');
    return me(request.caller.identity, request.caller.session);
  });

  app.post('/api/signout', { config: { anybody: true } }, async (request, reply) => {
    const session = request.caller?.session;
    if (session) await sessions.end(session.hash);
    reply.clearCookie(COOKIE, { path: '/' });
    return { signedOut: true };
  });
}
