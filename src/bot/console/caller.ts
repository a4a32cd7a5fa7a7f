import type { FastifyRequest } from 'fastify';
import type { Identity } from '../../people/person.ts';
import { Attempts } from './attempts.ts';
import type { ConsoleOptions } from './contract.ts';
import { hashOf, sameKey } from './keys.ts';
import { Refusal } from './refusal.ts';
import type { Session, Sessions } from './sessions.ts';
import { consoleId, Tokens } from './tokens.ts';

export const COOKIE = 'warroom_session';
const FAILED_TOKENS_A_MINUTE = 300;

/** Who calls, and by what: a session has a cookie and a CSRF token, a program has a Bearer token. */
export interface Caller {
  readonly identity: Identity;
  readonly session?: Session;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /** Answers without sign-in. */
    readonly open?: boolean;
    /** Signed in is enough; the right to see is not needed (or is decided, and audited, by the desk). */
    readonly anybody?: boolean;
  }
}

export class Callers {
  readonly #tokens: Tokens;
  readonly #attempts: Attempts;

  constructor(
    private readonly options: ConsoleOptions,
    private readonly sessions: Sessions,
  ) {
    this.#tokens = new Tokens(options);
    this.#attempts = new Attempts(FAILED_TOKENS_A_MINUTE, options.now ?? Date.now);
  }

  /** Throws a Refusal; never falls from a wrong token back to the cookie beside it. */
  async of(request: FastifyRequest): Promise<Caller> {
    const header = request.headers.authorization;
    if (header !== undefined) return this.#bearer(header, request.ip);
    const cookie = request.cookies[COOKIE];
    const session = cookie === undefined ? undefined : await this.sessions.find(cookie);
    if (!session) throw new Refusal('NOT_SIGNED_IN');
    return { identity: this.identityOf(session), session };
  }

  identityOf(session: Pick<Session, 'name' | 'localApprover'>): Identity {
    return {
      platform: 'console',
      id: consoleId(this.options.config(), session.name),
      display: session.name,
      kind: 'member',
      ...(session.localApprover ? { localApprover: true } : {}),
    };
  }

  /** For streams, which outlive the request: whether the config in force still gives this token the same rights. */
  stillKnown({ identity }: Caller): boolean {
    const token = this.options.config().console.tokens.find((one) => one.name === identity.token?.name);
    return token !== undefined && token.may.join() === identity.token?.may.join();
  }

  #bearer(header: string, address: string): Caller {
    const [, token] = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(header) ?? [];
    const identity = token === undefined ? undefined : this.#tokens.identityOf(token);
    if (identity) return { identity };
    if (!this.#attempts.allowed(address)) throw new Refusal('TOO_MANY');
    this.#attempts.failed(address);
    throw new Refusal('TOKEN_UNKNOWN');
  }
}

export function csrfFits(request: FastifyRequest, session: Session): boolean {
  const given = request.headers['x-csrf-token'];
  return typeof given === 'string' && sameKey(given, hashOf(session.csrf));
}
