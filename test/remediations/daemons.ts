import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as tcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Real daemons on loopback with free ports, in a temporary folder; ended by the process that started them. */
export interface Daemons {
  readonly dir: string;
  readonly stop: () => Promise<void>;
  start(command: string, args: readonly string[]): ChildProcess;
}

export async function daemons(): Promise<Daemons> {
  const dir = await mkdtemp(join(tmpdir(), 'warroom-test-'));
  // varnishd drops to a user of its own, which reads the VCL.
  await chmod(dir, 0o755);
  const running: ChildProcess[] = [];
  return {
    dir,
    start(command, args) {
      const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let words = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        words = `${words}${chunk.toString()}`.slice(-4000);
      });
      child.on('exit', (code) => {
        if (code) process.stderr.write(`${command} ended with ${code}: ${words}\n`);
      });
      running.push(child);
      return child;
    },
    stop: async () => {
      for (const child of running.reverse()) await ended(child);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(late);
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = tcpServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  ms = 15_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export interface TestApp {
  readonly port: number;
  /** Requests so far, by path. */
  readonly seen: Map<string, number>;
  close(): Promise<void>;
}

/** The application: legacy redirects that forbid storing, a page with a cookie, a health page. */
export async function testApp(listener?: RequestListener): Promise<TestApp> {
  const seen = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    seen.set(path, (seen.get(path) ?? 0) + 1);
    if (listener) return listener(request, response);
    if (path.startsWith('/legacy/'))
      return response
        .writeHead(301, {
          Location: `/new/${path.slice(8)}`,
          'Cache-Control': 'no-store',
          'Set-Cookie': `s=${randomBytes(4).toString('hex')}`,
        })
        .end();
    if (path.startsWith('/poison/'))
      return response.writeHead(301, { Location: 'http://evil.example/', 'Cache-Control': 'no-store' }).end();
    if (path.startsWith('/gone/'))
      return response.writeHead(404, { 'Cache-Control': 'no-store' }).end('gone');
    if (path.startsWith('/private/'))
      return response.writeHead(301, { Location: request.headers.cookie ? '/in' : '/login' }).end();
    if (path.startsWith('/static/'))
      return response
        .writeHead(200, { 'Cache-Control': 'public, max-age=300', 'Set-Cookie': 's=1', Vary: 'Cookie' })
        .end('static');
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export const VARNISHD = '/usr/sbin/varnishd';
export const HAPROXY = '/usr/sbin/haproxy';

export interface TestVarnish {
  readonly port: number;
  readonly cli: string;
  readonly secret: string;
  /** The file that it starts with. */
  readonly file: string;
  /** Ends it and starts it anew, as its unit does. */
  restart(): Promise<void>;
}

/** varnishd with a VCL named `boot`. */
export async function testVarnish(at: Daemons, vcl: string): Promise<TestVarnish> {
  const [port, cliPort] = [await freePort(), await freePort()];
  const secret = join(at.dir, 'secret');
  const file = join(at.dir, 'boot.vcl');
  await writeFile(secret, `${randomBytes(16).toString('hex')}\n`, { mode: 0o600 });
  await writeFile(file, vcl);
  const start = async () => {
    const child = at.start(VARNISHD, [
      ...['-F', '-a', `127.0.0.1:${port}`, '-T', `127.0.0.1:${cliPort}`, '-S', secret, '-f', file],
      ...[
        '-n',
        join(at.dir, 'varnish'),
        '-s',
        'malloc,16m',
        '-p',
        'thread_pool_min=10',
        '-p',
        'vsl_space=4M',
      ],
    ]);
    await waitFor('varnishd', () => answers(port), 30_000);
    return child;
  };
  let child = await start();
  const restart = async () => {
    await ended(child);
    child = await start();
  };
  return { port, cli: `127.0.0.1:${cliPort}`, secret, file, restart };
}

export const bootVcl = (backendPort: number, more = '') => `vcl 4.1;
import std;
backend default { .host = "127.0.0.1"; .port = "${backendPort}";
  .probe = { .url = "/health"; .interval = 200ms; .timeout = 1s; .window = 3; .threshold = 2; .initial = 0; } }
${more}
`;

export interface TestHaproxy {
  readonly port: number;
  readonly socket: string;
}

export async function testHaproxy(
  at: Daemons,
  servers: Readonly<Record<string, number>>,
  balance = 'roundrobin',
  addresses: Readonly<Record<string, string>> = {},
): Promise<TestHaproxy> {
  const port = await freePort();
  const socket = join(at.dir, 'haproxy.sock');
  const file = join(at.dir, 'haproxy.cfg');
  await writeFile(
    file,
    `global
  stats socket ${socket} level admin mode 600
defaults
  mode http
  timeout connect 2s
  timeout client 20s
  timeout server 20s
frontend web
  bind 127.0.0.1:${port}
  default_backend shop
backend shop
  balance ${balance}
  option httpchk GET /health
${Object.entries(servers)
  .map(
    ([name, at]) => `  server ${name} ${addresses[name] ?? '127.0.0.1'}:${at} check inter 200ms maxconn 40`,
  )
  .join('\n')}
`,
  );
  at.start(HAPROXY, ['-f', file, '-db']);
  await waitFor('haproxy', () => answers(port));
  return { port, socket };
}
