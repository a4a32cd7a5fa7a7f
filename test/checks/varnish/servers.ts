import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingOf } from '../../installed.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const BINARIES = {
  varnish: '/usr/sbin/varnishd',
  haproxy: '/usr/sbin/haproxy',
  uwsgi: '/usr/bin/uwsgi',
} as const;

export function missing(...names: (keyof typeof BINARIES)[]): string | undefined {
  return missingOf(names.map((name) => BINARIES[name]));
}

/** Daemons of one test in a folder of their own; all end with `stop`. */
export class Servers {
  readonly folder = mkdtempSync(join(tmpdir(), 'warroom-servers-'));
  readonly #children = new Set<ChildProcess>();

  constructor() {
    chmodSync(this.folder, 0o755);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.end(child)));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await Promise.race([ended, sleep(3000).then(() => child.kill('SIGKILL'))]);
    await ended;
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** A uWSGI whose pages are those of APP below. */
  async uwsgi(options: { workers?: number; extra?: string; statsSocket?: string } = {}) {
    const [port, stats] = [await freePort(), await freePort()];
    const app = this.file('app.py', APP);
    const ini = this.file(
      `uwsgi-${port}.ini`,
      `[uwsgi]
plugins=python3
master=true
processes=${options.workers ?? 2}
http-socket=127.0.0.1:${port}
listen=64
stats=${options.statsSocket ?? `127.0.0.1:${stats}`}
master-fifo=${join(this.folder, `fifo-${port}`)}
memory-report=true
need-app=true
die-on-term=true
disable-logging=true
wsgi-file=${app}
${options.extra ?? ''}
`,
    );
    const child = this.#start('/usr/bin/uwsgi', ['--ini', ini]);
    await until(() => httpStatus(port, '/health'));
    if (options.statsSocket === undefined) await until(() => connects(stats));
    return { port, stats, child, fifo: join(this.folder, `fifo-${port}`) };
  }

  async haproxy(servers: Record<string, number>, level = 'user') {
    const port = await freePort();
    const socket = join(this.folder, `haproxy-${port}.sock`);
    const cfg = this.file(
      `haproxy-${port}.cfg`,
      `global
  stats socket ${socket} mode 666 level ${level}
defaults
  mode http
  timeout client 10s
  timeout server 5s
  timeout connect 1s
  timeout queue 5s
frontend web
  bind 127.0.0.1:${port}
  default_backend shop
backend shop
  balance roundrobin
  option httpchk GET /health
${Object.entries(servers)
  .map(([name, to]) => `  server ${name} 127.0.0.1:${to} check inter 300ms fall 2 rise 1`)
  .join('\n')}
`,
    );
    const child = this.#start('/usr/sbin/haproxy', ['-f', cfg, '-db']);
    await until(() => connects(port));
    return { port, socket, child };
  }

  async varnish(backendPort: number, vclExtra = '', storage = 'malloc,16m') {
    const [port, cli] = [await freePort(), await freePort()];
    const instance = join(this.folder, `varnish-${port}`);
    const secret = this.file('secret', 'only for this test\n');
    const vcl = this.file(`default-${port}.vcl`, vclText(backendPort, vclExtra));
    const argv = ['-F', '-n', instance, '-a', `127.0.0.1:${port}`, '-T', `127.0.0.1:${cli}`];
    const child = this.#start('/usr/sbin/varnishd', [
      ...argv,
      ...['-S', secret, '-f', vcl, '-s', storage, '-p', 'vsl_space=4M', '-p', 'thread_pool_min=10'],
    ]);
    await until(() => connects(port));
    return { port, cli, instance, secret, vcl, child };
  }

  #start(program: string, argv: readonly string[]): ChildProcess {
    const child = spawn(program, argv, { cwd: this.folder, env: { ...process.env, PATH }, stdio: 'ignore' });
    this.#children.add(child);
    return child;
  }
}

export function vclText(backendPort: number, extra = ''): string {
  return `vcl 4.1;
probe health { .url = "/health"; .interval = 200ms; .timeout = 2s; .window = 3; .threshold = 2; .initial = 2; }
backend lb { .host = "127.0.0.1"; .port = "${backendPort}"; .probe = health; }
sub vcl_recv { if (req.url == "/old") { return (synth(751, "/new")); } if (req.url ~ "^/passed") { return (pass); } }
sub vcl_synth {
  if (resp.status == 751) { set resp.http.Location = resp.reason; set resp.status = 301; return (deliver); }
}
${extra}
`;
}

const APP = `
import time
from urllib.parse import parse_qs
def application(env, start):
    path = env['PATH_INFO']
    query = parse_qs(env.get('QUERY_STRING', ''))
    status, headers = '200 OK', [('Content-Type', 'text/plain')]
    if path.startswith('/legacy/'):
        time.sleep(0.02)
        status = '301 Moved Permanently'
        headers += [('Location', '/product/1?from=legacy'), ('Cache-Control', 'no-store')]
    elif path.startswith('/product/') and path != '/product/0': headers.append(('Cache-Control', 'public, max-age=300'))
    elif path == '/cart': headers += [('Set-Cookie', 'sid=1'), ('Cache-Control', 'private, no-store')]
    elif path.startswith('/tracked/'): headers += [('Set-Cookie', 'track=1'), ('Cache-Control', 'max-age=60')]
    elif path.startswith('/varied/'): headers += [('Vary', 'Cookie'), ('Cache-Control', 'max-age=60')]
    elif path.startswith('/agents/'): headers += [('Vary', 'User-Agent'), ('Cache-Control', 'max-age=60')]
    elif path.startswith('/account'): headers.append(('Cache-Control', 'public, max-age=60'))
    elif path.startswith('/nowhere/') or path == '/product/0':
        status = '404 Not Found'
        headers.append(('Cache-Control', 'no-store'))
    elif path.startswith('/big/'): headers.append(('Cache-Control', 'max-age=300'))
    elif path == '/slow': time.sleep(float(query.get('s', ['1'])[0]))
    elif path == '/fail': raise RuntimeError('boom')
    start(status, headers)
    return [b'x' * 60000 if path.startswith('/big/') else b'ok']
`;

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits for something to be true, at most 30 s. */
export async function until(look: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    const found = await look().catch(() => false);
    if (found) return;
    if (Date.now() > end) throw new Error('it did not come to that within 30 s');
    await sleep(50);
  }
}

export function httpStatus(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
    });
    request.once('error', reject);
    request.end();
  });
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
