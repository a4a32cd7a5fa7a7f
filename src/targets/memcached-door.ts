import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

export interface Door {
  readonly path: string;
  /** Bytes that came from the server. */
  received(): number;
  /** Resolves when the way is cut, from either side. */
  readonly ended: Promise<void>;
  close(): void;
}

/**
 * A way through a stream for a library that opens its sockets itself: a unix socket in a folder that only our own
 * user may enter. It lets one in, and is gone from then on; so nobody else on this machine comes after.
 */
export async function openDoor(stream: Duplex): Promise<Door> {
  const folder = mkdtempSync(join(tmpdir(), 'warroom-door-'));
  const path = join(folder, 'door');
  const server = net.createServer();
  let guest: net.Socket | undefined;
  let received = 0;
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  const shut = () => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const close = () => {
    shut();
    guest?.destroy();
    stream.destroy();
    over();
  };
  server.on('connection', (socket) => {
    if (guest) {
      socket.destroy();
      return;
    }
    guest = socket;
    shut();
    socket.on('error', close);
    socket.on('close', close);
    stream.on('data', (data: Buffer) => {
      received += data.length;
    });
    stream.pipe(socket).pipe(stream);
  });
  server.on('error', close);
  // Late errors must not end the process; the close that follows tells the guest.
  stream.on('error', close);
  stream.on('close', close);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return { path, received: () => received, ended, close };
}
