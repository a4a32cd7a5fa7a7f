import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingOf } from '../../installed.ts';
import { freePort } from '../varnish/servers.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const BINARIES = {
  redis: '/usr/bin/redis-server',
  celery: '/usr/lib/python3/dist-packages/celery/__init__.py',
  rabbitmq: '/usr/lib/rabbitmq/bin/rabbitmq-server',
} as const;

export function missing(...names: (keyof typeof BINARIES)[]): string | undefined {
  return missingOf(names.map((name) => BINARIES[name]));
}

const TASKS = `
import os, time
from celery import Celery
app = Celery('shop', broker=os.environ['BROKER'])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True,
    broker_transport_options={'global_keyprefix': os.environ.get('KEY_PREFIX', '')})
@app.task(name='shop.mail')
def mail(seconds=0.0, **more):
    time.sleep(seconds)
@app.task(name='shop.invoice')
def invoice(seconds=0.0, password=''):
    time.sleep(seconds)
    raise ValueError('no price for order 4711, password=hunter2 <!channel> \`x\` @everyone')
@app.task(name='shop.later', bind=True, max_retries=1)
def later(self):
    raise self.retry(countdown=0)
`;

export interface WorkerOptions {
  readonly node: string;
  readonly broker: string;
  readonly argv?: readonly string[];
  readonly keyPrefix?: string;
}

/** Brokers and workers of one test in a folder of their own; all end with `stop`. */
export class Servers {
  readonly folder = mkdtempSync(join(tmpdir(), 'warroom-celery-'));
  readonly #children = new Set<ChildProcess>();
  readonly #groups = new Set<number>();
  readonly #ends: (() => Promise<void>)[] = [];

  constructor() {
    chmodSync(this.folder, 0o755);
    writeFileSync(join(this.folder, 'tasks.py'), TASKS);
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) await end();
    await Promise.all([...this.#children].map((child) => this.end(child, 'SIGKILL')));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#children.delete(child);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGCONT');
      child.kill(signal);
      await Promise.race([ended, sleep(4000).then(() => child.kill('SIGKILL'))]);
      await ended;
    }
    // A worker's children, and epmd, stay in its group.
    if (child.pid !== undefined && this.#groups.delete(child.pid)) this.#endGroup(child.pid);
  }

  async redis(config = ''): Promise<{ port: number; child: ChildProcess; url: string }> {
    const port = await freePort();
    const file = join(this.folder, `redis-${port}.conf`);
    writeFileSync(
      file,
      `bind 127.0.0.1\nport ${port}\nsave ""\nappendonly no\ndir ${this.folder}\nloglevel warning\n${config}\n`,
    );
    const child = this.#start('/usr/bin/redis-server', [file]);
    await until(async () => (await this.cli(port, 'PING')).length > 0);
    return { port, child, url: `redis://127.0.0.1:${port}/0` };
  }

  /** What redis-cli says; of a server with TLS, more words come first. */
  cli(port: number, ...words: readonly string[]): Promise<string> {
    return this.run('/usr/bin/redis-cli', ['-p', String(port), '--no-auth-warning', ...words]);
  }

  async worker(options: WorkerOptions): Promise<ChildProcess> {
    const log = join(this.folder, `${options.node}-${await freePort()}.log`);
    const argv = ['-m', 'celery', '-A', 'tasks', 'worker', '-n', options.node, '-f', log, '-l', 'INFO'];
    const child = this.#start('/usr/bin/python3', [...argv, ...(options.argv ?? ['-c', '2', '-E'])], {
      ...this.#environment(options.broker, options.keyPrefix),
      C_FORCE_ROOT: '1',
    });
    await until(async () => readFileSync(log, 'utf8').includes(' ready.'), 30_000);
    return child;
  }

  /** `celery …` at that broker; its output. */
  celery(broker: string, argv: readonly string[], keyPrefix = ''): Promise<string> {
    return this.run(
      '/usr/bin/python3',
      ['-m', 'celery', '-A', 'tasks', ...argv],
      this.#environment(broker, keyPrefix),
    );
  }

  /** Python that has `mail` and `invoice` at hand. */
  python(broker: string, code: string, keyPrefix = ''): Promise<string> {
    return this.run(
      '/usr/bin/python3',
      ['-c', `from tasks import *\n${code}`],
      this.#environment(broker, keyPrefix),
    );
  }

  run(
    program: string,
    argv: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, argv, {
        cwd: this.folder,
        env: { ...process.env, PATH, HOME: this.folder, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', (data: Buffer) => (out += data.toString()));
      child.stderr.on('data', (data: Buffer) => (err += data.toString()));
      child.once('error', reject);
      child.once('close', (code) =>
        code === 0 ? resolve(out) : reject(new Error(`${program} ended with ${code}: ${err || out}`)),
      );
    });
  }

  /** A RabbitMQ with an epmd of its own, as the user rabbitmq where we are root. */
  async rabbitmq(): Promise<{
    port: number;
    management: number;
    url: string;
    ctl: (...words: string[]) => Promise<string>;
  }> {
    const [port, management, epmd, dist] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const home = join(this.folder, 'rabbit');
    mkdirSync(home);
    writeFileSync(
      join(home, 'rabbitmq.conf'),
      `listeners.tcp.1 = 127.0.0.1:${port}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = ${management}\nlog.console = false\ncollect_statistics_interval = 1000\n`,
    );
    writeFileSync(join(home, 'plugins'), '[rabbitmq_management].');
    writeFileSync(join(home, '.erlang.cookie'), 'onlyforthistest', { mode: 0o400 });
    const who = await this.#own(home);
    const environment = {
      HOME: home,
      ERL_EPMD_PORT: String(epmd),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `test${port}@localhost`,
      RABBITMQ_DIST_PORT: String(dist),
      RABBITMQ_MNESIA_BASE: join(home, 'data'),
      RABBITMQ_LOG_BASE: join(home, 'log'),
      RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'plugins'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1 +sbwt none',
    };
    const child = this.#start(BINARIES.rabbitmq, [], environment, who);
    // epmd is a daemon of its own; with no node left it may be ended by its port, which is ours.
    this.#ends.push(async () => {
      await this.end(child, 'SIGKILL');
      await until(() => this.run('/usr/bin/epmd', ['-kill'], environment), 5000);
    });
    const ctl = (...words: string[]) =>
      this.run(
        '/usr/bin/setpriv',
        [...who.prefix, '/usr/lib/rabbitmq/bin/rabbitmqctl', '-q', ...words],
        environment,
      );
    await until(() => ctl('await_startup', '--timeout', '20').then(() => true), 40_000);
    await until(async () => (await fetch(`http://127.0.0.1:${management}/`)).ok, 20_000);
    return { port, management, url: `amqp://guest:guest@127.0.0.1:${port}//`, ctl };
  }

  async #own(folder: string): Promise<{ prefix: string[]; uid?: number; gid?: number }> {
    if (process.getuid?.() !== 0) return { prefix: ['--'] };
    const [uid, gid] = [
      Number(await this.run('/usr/bin/id', ['-u', 'rabbitmq'])),
      Number(await this.run('/usr/bin/id', ['-g', 'rabbitmq'])),
    ];
    for (const path of [
      folder,
      ...['rabbitmq.conf', 'plugins', '.erlang.cookie'].map((name) => join(folder, name)),
    ])
      chownSync(path, uid, gid);
    return { prefix: [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'], uid, gid };
  }

  #environment(broker: string, keyPrefix = ''): Record<string, string> {
    return { BROKER: broker, KEY_PREFIX: keyPrefix, PYTHONDONTWRITEBYTECODE: '1', TMPDIR: this.folder };
  }

  #start(
    program: string,
    argv: readonly string[],
    more: Readonly<Record<string, string>> = {},
    who: { uid?: number; gid?: number } = {},
  ): ChildProcess {
    const child = spawn(program, argv, {
      cwd: this.folder,
      env: { ...process.env, PATH, HOME: this.folder, ...more },
      stdio: 'ignore',
      detached: true,
      ...(who.uid === undefined ? {} : { uid: who.uid }),
      ...(who.gid === undefined ? {} : { gid: who.gid }),
    });
    this.#children.add(child);
    if (child.pid !== undefined) this.#groups.add(child.pid);
    return child;
  }

  #endGroup(leader: number): void {
    try {
      process.kill(-leader, 'SIGKILL');
    } catch {
      // It ended whole.
    }
  }
}

/** Waits for something to be true. */
export async function until(look: () => Promise<unknown>, mostMs = 30_000): Promise<void> {
  const end = Date.now() + mostMs;
  let problem: unknown;
  for (;;) {
    const found = await look().catch((thrown: unknown) => {
      problem = thrown;
      return false;
    });
    if (found) return;
    if (Date.now() > end) throw new Error(`it did not come to that within ${mostMs} ms`, { cause: problem });
    await sleep(50);
  }
}
