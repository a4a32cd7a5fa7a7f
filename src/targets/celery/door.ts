import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

/** A unix socket in a folder of our own (0700) that leads to a stream, once. */
export interface Door {
  readonly path: string;
  close(): void;
}

/** For client libraries that take an address and no stream. Whoever comes first through the door has it for good. */
export async function openDoor(stream: Duplex): Promise<Door> {
  const folder = await mkdtemp(join(tmpdir(), 'warroom-door-'));
  const path = join(folder, 'socket');
  const gone = () => rm(folder, { recursive: true, force: true }).catch(() => undefined);
  let guest: Socket | undefined;
  const server = createServer((socket) => {
    if (guest) {
      socket.destroy();
      return;
    }
    guest = socket;
    server.close();
    void gone();
    joined(socket, stream);
  });
  server.on('error', () => stream.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } catch (thrown) {
    await gone();
    throw thrown;
  }
  return {
    path,
    close: () => {
      server.close();
      guest?.destroy();
      stream.destroy();
      void gone();
    },
  };
}

function joined(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.once('close', () => to.destroy());
  }
}
