import type { SocketAddress } from '../../targets/contract.ts';

/** `/run/haproxy.sock`, `127.0.0.1:6082` or `[::1]:6082` as the config writes it. */
export function socketAddress(written: string): SocketAddress {
  if (written.startsWith('/')) return { path: written };
  const colon = written.lastIndexOf(':');
  return {
    host: written.slice(0, colon).replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: Number(written.slice(colon + 1)),
  };
}
