import net from 'node:net';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { DEFAULT_TIMEOUT_MS } from './channel.ts';
import type { ReadOptions, SocketAddress } from './contract.ts';

export function addressText(address: SocketAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}

/** A socket of this machine, with a deadline until it is open. */
export function openSocket(
  target: string,
  address: SocketAddress,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Pick<ReadOptions, 'timeoutMs' | 'signal'> = {},
): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      'path' in address
        ? net.connect(address.path)
        : net.connect({ host: address.host, port: address.port, noDelay: true });
    const late = () => fail(`no answer within ${timeoutMs} ms`);
    const timer = setTimeout(late, timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', late);
    };
    const fail = (problem: string, code?: string) => {
      settle();
      socket.destroy();
      reject(refusal(target, addressText(address), problem, code));
    };
    // It stays: an error that nobody listens to would end the process. Its user sees the close that follows.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(reason(error) || String(error.code), error.code),
    );
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
    signal?.addEventListener('abort', late, { once: true });
    if (signal?.aborted) late();
  });
}

function refusal(target: string, where: string, problem: string, code: string | undefined): WarroomError {
  if (code === 'EACCES' || code === 'EPERM')
    return new WarroomError('NO_RIGHT', {
      target,
      what: `use the socket ${where}`,
      mend: `Give its user the group of that socket: ls -l ${where}`,
    });
  return new WarroomError('TARGET_UNREACHABLE', {
    target: `${target} ${where}`,
    problem,
    mend: 'Is it running and listening there?',
  });
}
