import type { SecretSource } from '../config/schema.ts';
import type { Secret } from '../config/secret.ts';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { SocketAddress } from './contract.ts';
import type { LinkKind, Way } from './links.ts';
import { MemcachedBinary } from './memcached-binary.ts';
import { Ended, MemcachedText, Refusal } from './memcached-text.ts';

export type StatsGroup = '' | 'items' | 'slabs' | 'settings';

/** One connection to a memcached, whichever protocol it speaks. */
export interface MemcachedClient {
  readonly protocol: 'text' | 'binary';
  /** `stats` of a group, by name. */
  stats(group: StatsGroup): Promise<ReadonlyMap<string, string>>;
  /** Lines of `stats detail dump`: reads by prefix, where the server counts them already. */
  detail(): Promise<readonly string[]>;
  /** The smallest question there is: no item is touched, nothing is counted but its bytes. */
  ping(): Promise<void>;
  /** A second connection, signed in where the server wants it: for a look that ends its connection. Text alone. */
  another(stream: Parameters<typeof signedIn>[1]): Promise<MemcachedText>;
  end(): void;
}

/** SASL's user, or that of memcached's own file of names (-Y). */
export interface MemcachedAccount {
  readonly user: string;
  readonly password: SecretSource;
}

/** What a server was found to speak: asked once, and again when that fails. */
const spoken = new Map<string, 'text' | 'binary'>();

/**
 * Text first, which needs no library and goes through any tunnel. A server that hangs up on it speaks binary alone
 * (-S, -B binary), which is memjs's.
 */
export function memcachedLink(account?: MemcachedAccount): LinkKind<MemcachedClient> {
  return {
    id: `memcached ${account?.user ?? ''}`,
    async open(way) {
      const address = addressOf(way.url);
      const key = JSON.stringify([way.name, address]);
      const password = account && way.secret(account.password);
      const login = account && password ? { user: account.user, password } : undefined;
      try {
        if (spoken.get(key) !== 'binary') {
          const client = await openText(way, address, login);
          if (client) {
            spoken.set(key, 'text');
            return client;
          }
        }
        const client = await openBinary(way, address, login);
        spoken.set(key, 'binary');
        return client;
      } catch (thrown) {
        spoken.delete(key);
        throw thrown;
      }
    },
    close: (client) => client.end(),
    // A refused question leaves the connection as it was.
    survives: (thrown) => thrown instanceof Refusal,
  };
}

/** `memcached://host:port` as places give it. */
export function addressOf(url: Secret): SocketAddress {
  const { hostname, port } = new URL(url.reveal());
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

interface Login {
  readonly user: string;
  readonly password: Secret;
}

/** Undefined where the server hangs up on text. */
async function openText(
  way: Way,
  address: SocketAddress,
  login: Login | undefined,
): Promise<MemcachedClient | undefined> {
  const stream = await way.connect(address);
  let text: MemcachedText | undefined;
  try {
    text = await signedIn(way.name, stream, login);
  } catch (thrown) {
    stream.destroy();
    if (thrown instanceof Ended) return undefined;
    throw thrown;
  }
  const opened = text;
  const { name } = way;
  return {
    protocol: 'text',
    stats: async (group) => parseStats(await said(name, opened.ask(`stats ${group}`.trimEnd(), isEnd)), name),
    detail: () => said(name, opened.ask('stats detail dump', isEnd)),
    ping: async () => {
      await said(name, opened.askLine('version'));
    },
    another: (next) => signedIn(name, next, login),
    end: () => opened.end(),
  };
}

/** A server of the binary protocol waits for a whole header of 24 bytes before it sees that this is none, and hangs up. */
const FIRST_WORDS = 'version'.padEnd(30);

/** A text connection that answers. Throws Ended when it hangs up, NO_RIGHT, or BAD_ANSWER. */
async function signedIn(
  name: string,
  stream: ConstructorParameters<typeof MemcachedText>[0],
  login: Login | undefined,
): Promise<MemcachedText> {
  const text = new MemcachedText(stream, name);
  const first = await text.askLine(FIRST_WORDS).catch((thrown) => refusedLine(thrown));
  if (/^VERSION /.test(first)) return text;
  if (/too many open connections/i.test(first)) throw full(name);
  if (!/^CLIENT_ERROR unauthenticated/.test(first))
    throw new WarroomError('BAD_ANSWER', {
      target: name,
      expected: "memcached's version",
      problem: `it says "${shown(first)}"`,
    });
  if (!login) throw needsUser(name);
  // With -Y the first thing that is stored is the sign-in, whatever its key (protocol.txt, "Authentication").
  const words = `${login.user} ${login.password.reveal()}`;
  const answer = await text
    .askLine(`set auth 0 0 ${Buffer.byteLength(words)}\r\n${words}`)
    .catch((thrown) => refusedLine(thrown));
  if (answer !== 'STORED')
    throw wrongUser(name, login.user, 'a line USER:PASSWORD in the file given with -Y');
  return text;
}

async function openBinary(
  way: Way,
  address: SocketAddress,
  login: Login | undefined,
): Promise<MemcachedClient> {
  const credentials = login && { user: login.user, password: login.password.reveal() };
  const binary = await MemcachedBinary.open(way.name, await way.connect(address), credentials);
  const { name } = way;
  const own = (thrown: unknown): never => {
    if (thrown instanceof WarroomError) throw thrown;
    if (/authentication failed/i.test(reason(thrown)))
      throw login
        ? wrongUser(name, login.user, `saslpasswd2 -a memcached -c ${login.user}`)
        : needsUser(name);
    throw ended(name, reason(thrown));
  };
  try {
    // A server that speaks neither protocol hangs up on both.
    await binary.version().catch(own);
  } catch (thrown) {
    binary.end();
    throw thrown;
  }
  return {
    protocol: 'binary',
    stats: (group) => binary.stats(group).catch(own),
    detail: async () => {
      const all = await binary.stats('detail dump').catch(own);
      return (all.get('detailed') ?? '').split(/\r?\n/).filter(Boolean);
    },
    ping: () => binary.version().catch(own),
    another: () => Promise.reject(new Refusal('the binary protocol has no such command')),
    end: () => binary.end(),
  };
}

/** `STAT name value` lines; anything else is no memcached's. */
export function parseStats(lines: readonly string[], name: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of lines.slice(0, -1)) {
    const match = /^STAT (\S+) ?(.*)$/.exec(line);
    if (!match)
      throw new WarroomError('BAD_ANSWER', {
        target: name,
        expected: "memcached's statistics",
        problem: `it says "${shown(line)}"`,
      });
    found.set(match[1] as string, match[2] as string);
  }
  return found;
}

const isEnd = (line: string) => line === 'END';

async function said<T>(name: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof Ended) throw ended(name, thrown.message);
    throw thrown;
  }
}

function ended(name: string, problem: string): WarroomError {
  return new WarroomError('BAD_ANSWER', { target: name, expected: "memcached's statistics", problem });
}

function full(name: string): WarroomError {
  return new WarroomError('TARGET_UNREACHABLE', {
    target: `memcached on ${name}`,
    problem: 'it has as many connections as it may have',
    mend: 'See who holds them (ss -tn there); raise its -c (maxconns), or have the application keep fewer.',
  });
}

function needsUser(name: string): WarroomError {
  return new WarroomError('NO_RIGHT', {
    target: name,
    what: "ask memcached: it wants a user's name and password",
    mend: 'On the service: user: NAME and password: { env: MEMCACHED_PASSWORD }.',
  });
}

function wrongUser(name: string, user: string, where: string): WarroomError {
  return new WarroomError('NO_RIGHT', {
    target: name,
    what: `sign in to memcached as ${user}: name or password is wrong`,
    mend: `Make them what the server knows: ${where}`,
  });
}

function refusedLine(thrown: unknown): string {
  if (thrown instanceof Refusal) return thrown.message;
  throw thrown;
}

function shown(line: string): string {
  return line.replace(/[\u0000-\u001f\u007f-\u009f]+/g, '·').slice(0, 80);
}
