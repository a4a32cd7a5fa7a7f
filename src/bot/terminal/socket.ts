import { chmodSync, existsSync, rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { reason, WarroomError } from '../../errors/catalogue.ts';

/** What the command line asks of the running bot: one JSON line there, one back. */
export type Request =
  | { readonly op: 'launch'; readonly text: string; readonly user: string }
  | { readonly op: 'link'; readonly name: string }
  | { readonly op: 'reload' }
  | { readonly op: 'doctor' };
export type Response =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

const MAX_REQUEST = 64 * 1024;
const ASK_MS = 30_000;

/** Beside the store, so that the command line finds it by the config alone. */
export function socketPath(dataDir: string): string {
  return join(dataDir, 'warroom.sock');
}

/** Listens for the command line. Only the user that runs the bot may connect (0600): the file's rights are the sign-in. */
export async function serveTerminal(
  path: string,
  handle: (request: Request) => Promise<unknown>,
): Promise<{ close(): Promise<void> }> {
  // The lease is ours, so whatever lies there was left by a process that ended.
  if (existsSync(path)) rmSync(path);
  const server = net.createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(ASK_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (data: string) => {
      text += data;
      if (text.length > MAX_REQUEST) socket.destroy();
      const end = text.indexOf('\n');
      if (end < 0) return;
      void answerTo(text.slice(0, end), handle).then((response) =>
        socket.end(`${JSON.stringify(response)}\n`),
      );
      text = '';
    });
  });
  await new Promise<void>((resolve, reject) => {
    const before = process.umask(0o177);
    server.once('error', reject);
    server.listen(path, () => {
      process.umask(before);
      resolve();
    });
  });
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        rmSync(path, { force: true });
      }),
  };
}

async function answerTo(line: string, handle: (request: Request) => Promise<unknown>): Promise<Response> {
  try {
    return { ok: true, value: (await handle(JSON.parse(line) as Request)) ?? null };
  } catch (thrown) {
    return { ok: false, problem: reason(thrown) };
  }
}

/** Asks the running bot. BOT_NOT_RUNNING when nobody listens. */
export async function askBot(path: string, request: Request): Promise<unknown> {
  const response = await new Promise<Response>((resolve, reject) => {
    const socket = net.connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(ASK_MS, () => socket.destroy(new Error(`no answer within ${ASK_MS / 1000} s`)));
    socket.once('error', (error) =>
      reject(new WarroomError('BOT_NOT_RUNNING', { path, command: request.op }, error)),
    );
    socket.on('data', (data: string) => {
      text += data;
    });
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.once('end', () => {
      try {
        resolve(JSON.parse(text) as Response);
      } catch (thrown) {
        reject(
          new WarroomError(
            'BAD_ANSWER',
            { target: 'the bot', expected: 'JSON', problem: reason(thrown) },
            thrown,
          ),
        );
      }
    });
  });
  if (!response.ok) throw new Error(response.problem);
  return response.value;
}
