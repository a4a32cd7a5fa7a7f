import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { judgeHostKey, knownHostsLine, knownTypes, parseKnownHosts } from './known-hosts.ts';

export interface SshAccount {
  readonly user: string;
  readonly key?: () => string;
  readonly password?: () => string;
  readonly knownHosts: string;
}

export interface SshAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export const OPEN_MS = 8_000;
/** For connections that nobody uses; one in use is watched by what it answers (`watchSilence`). */
const KEEPALIVE_MS = 15_000;
const KEEPALIVES_MISSED = 2;
/** A host that was asked and says nothing is lost after this: long enough for a dropped packet, short enough to be said in time. */
const SILENCE_MS = 9_000;
/** A command may be quiet for long; its host is then asked whether it is there. */
const ASK_AGAIN_MS = 3_000;
const LOOK_MS = 1_000;

/** Makes `sock` an SSH session: the host proves its key first, then the account signs in. */
export async function handshake(
  { name, host, port }: SshAddress,
  account: SshAccount,
  sock: Duplex,
  client = new Client(),
): Promise<Client> {
  // A file that is not there knows nobody: every key is then refused with the line to add.
  const known = parseKnownHosts(await readFile(account.knownHosts, 'utf8').catch(() => ''));
  const key = account.key?.();
  const password = account.password?.();
  let refused: WarroomError | undefined;
  return new Promise<Client>((resolve, reject) => {
    client.once('ready', () => resolve(client));
    client.on('error', (error) => reject(refused ?? asError(name, account, host, port, error)));
    client.once('close', () =>
      reject(refused ?? unreachable({ name, host, port }, account, 'it closed the connection')),
    );
    client.connect({
      // ssh2 never sets TCP_NODELAY itself; without it each command waits 40 ms for a delayed ACK.
      sock,
      username: account.user,
      ...(key === undefined ? {} : { privateKey: key }),
      ...(password === undefined ? {} : { password }),
      algorithms: { serverHostKey: keyAlgorithms(knownTypes(known, host, port)) },
      readyTimeout: OPEN_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVES_MISSED,
      hostVerifier: (raw: Buffer) => {
        const verdict = judgeHostKey(known, host, port, raw);
        if (verdict === 'known') return true;
        const code = verdict === 'changed' ? 'HOST_KEY_CHANGED' : 'HOST_KEY_UNKNOWN';
        refused = new WarroomError(code, {
          target: name,
          file: account.knownHosts,
          line: knownHostsLine(host, port, raw),
        });
        return false;
      },
    });
  });
}

/**
 * Ends a connection on which something was sent and nothing came back for nine seconds. Keepalives all the time, as
 * often as that needs, would be most of what watching sends; so they go only where an answer is missing.
 */
export function watchSilence(sock: Duplex, client: Client): void {
  let asked: number | undefined;
  let pinged = false;
  let received = 0;
  let written = 0;
  const timer = setInterval(() => {
    const { bytesRead, bytesWritten } = sock as Partial<Socket>;
    if (bytesRead === undefined || bytesWritten === undefined) return;
    if (bytesRead > received) {
      asked = undefined;
      pinged = false;
    } else if (bytesWritten > written) asked ??= Date.now();
    received = bytesRead;
    written = bytesWritten;
    if (asked === undefined) return;
    const silent = Date.now() - asked;
    if (silent < SILENCE_MS) {
      // A global request that any server answers (RFC 4254, 7.1): there is no such forwarding to take back.
      if (silent >= ASK_AGAIN_MS && !pinged) client.unforwardIn('localhost', 1, () => undefined);
      pinged = silent >= ASK_AGAIN_MS;
      return;
    }
    client.emit('error', new Error(`it said nothing for ${SILENCE_MS / 1000} s`));
    sock.destroy();
  }, LOOK_MS);
  timer.unref();
  sock.once('close', () => clearInterval(timer));
}

export function unreachable(
  { name, host, port }: SshAddress,
  account: SshAccount,
  problem: string,
  cause?: unknown,
): WarroomError {
  return new WarroomError(
    'TARGET_UNREACHABLE',
    { target: name, problem, mend: `Try: ssh -p ${port} ${account.user}@${host}` },
    cause,
  );
}

function asError(
  name: string,
  account: SshAccount,
  host: string,
  port: number,
  error: Error & { level?: string },
): WarroomError {
  if (error.level !== 'client-authentication')
    return unreachable({ name, host, port }, account, reason(error), error);
  return new WarroomError(
    'NO_RIGHT',
    {
      target: name,
      what: `sign in as ${account.user}`,
      mend: `Put its public key into ~${account.user}/.ssh/authorized_keys there.`,
    },
    error,
  );
}

const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** Those of the known types first, so that the server proves a key that can be judged. An RSA key signs in three ways (RFC 8332). */
function keyAlgorithms(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string) =>
    types.includes(algorithm.startsWith('rsa-sha2') ? 'ssh-rsa' : algorithm);
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((algorithm) => !isKnown(algorithm))];
}
