import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errors } from '../../../src/checks/uwsgi/checks.ts';
import type { UwsgiFacts } from '../../../src/checks/uwsgi/facts.ts';
import { uwsgi } from '../../../src/checks/uwsgi/index.ts';
import type { Target } from '../../../src/targets/contract.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { askSocket } from '../../../src/targets/stream.ts';
import { contextOf, placeOf, Rounds, stackOf } from '../varnish/judge.ts';
import { httpStatus, missing, Servers, until } from '../varnish/servers.ts';

const why = missing('uwsgi');
describe.skipIf(why)(`uWSGI's statistics ${why ?? ''}`, () => {
  const servers = new Servers();
  const [stats] = uwsgi.collectors as [(typeof uwsgi.collectors)[0]];
  const local = new LocalTarget('here', 'reading');
  let app: Awaited<ReturnType<Servers['uwsgi']>>;
  let socket: string;
  const rounds = (config: object, target?: Target) =>
    new Rounds(placeOf(stackOf({ app: { kind: 'uwsgi', on: 'here', ...config } }), 'app'), target);

  beforeAll(async () => {
    socket = join(servers.folder, 'stats.sock');
    app = await servers.uwsgi({
      workers: 2,
      statsSocket: socket,
      extra: `socket=${join(servers.folder, 'app.sock')}`,
    });
    await until(async () => existsSync(socket));
  });
  afterAll(() => servers.stop());

  test('its figures are those of its own JSON, from a unix socket too', async () => {
    const watched = rounds({ port: app.port, stats: socket });
    const raw = async () =>
      JSON.parse(await askSocket(local, { path: socket }, '', { signal: AbortSignal.timeout(4000) })) as {
        workers: {
          requests: number;
          running_time: number;
          rss: number;
          exceptions: number;
          apps: unknown[];
        }[];
      };
    await watched.run(stats);
    const before = await raw();
    for (let i = 0; i < 12; i++) await httpStatus(app.port, '/legacy/x').catch(() => 0);
    const after = await raw();
    const view = await watched.run(stats);
    const sum = (all: typeof before, name: 'requests' | 'running_time' | 'rss' | 'exceptions') =>
      all.workers.reduce((total, worker) => total + worker[name], 0);
    const requests = sum(after, 'requests') - sum(before, 'requests');
    const seconds = (sum(after, 'running_time') - sum(before, 'running_time')) / 1e6;
    expect(requests).toBe(12);
    expect(view.value('uwsgi.mean_seconds')).toBeCloseTo(seconds / requests, 6);
    expect(view.value('uwsgi.worker_rss')).toBe(Math.max(...after.workers.map((worker) => worker.rss)));
    expect((view.facts as UwsgiFacts).workers.map((worker) => worker.requests)).toEqual(
      after.workers.map((worker) => worker.requests),
    );
  });

  test('the queue of a unix socket is what ss says', async () => {
    const path = join(servers.folder, 'app.sock');
    const asked = Array.from({ length: 2 }, () => httpStatus(app.port, '/slow?s=2'));
    const watched = rounds({ port: app.port, stats: socket });
    const waiting: net.Socket[] = [];
    try {
      await until(async () => (await watched.run(stats)).value('uwsgi.busy_workers') === 2);
      for (let i = 0; i < 3; i++) waiting.push(net.connect(path));
      await until(async () => (await watched.run(stats)).value('uwsgi.listen_queue') === 3);
      const line = execFileSync('/usr/bin/ss', ['-lxnH'])
        .toString()
        .split('\n')
        .find((one) => one.includes(path));
      expect(line?.trim().split(/\s+/)[2]).toBe('3');
    } finally {
      for (const one of waiting) one.destroy();
      await Promise.all(asked);
    }
  });

  test('where the time of a minute went is sampled by path', async () => {
    const watched = rounds({ port: app.port, stats: socket });
    const asked = Array.from({ length: 2 }, () => httpStatus(app.port, '/slow?s=1&token=hunter2'));
    await until(async () => (await watched.run(stats)).value('uwsgi.busy_workers') === 2);
    await watched.run(stats);
    await Promise.all(asked);
    const { paths, sampled } = (await watched.run(stats)).facts as UwsgiFacts;
    expect(paths[0]).toMatchObject({ path: '/slow', share: 1 });
    expect(sampled).toBeGreaterThanOrEqual(3);
    for (let i = 0; i < 20; i++) await watched.run(stats);
    expect(((await watched.run(stats)).facts as UwsgiFacts).sampled).toBe(12);
  });

  test('the view of requests names workers, and hides what is behind the path', async () => {
    const asked = httpStatus(app.port, '/slow?s=3&token=hunter2', { headers: { Cookie: 'sid=hunter2' } });
    const view = uwsgi.views.find((one) => one.name === 'requests');
    const place = placeOf(stackOf({ app: { kind: 'uwsgi', on: 'here', stats: socket } }), 'app');
    const shown = JSON.stringify(await view?.show(contextOf(place), []));
    expect(shown).toContain('By worker, longest first');
    expect(shown).toContain('/slow');
    expect(shown).not.toContain('hunter2');
    await asked;
  });

  test.skipIf(process.getuid?.() !== 0)('a socket that is closed to us: the exact lines', async () => {
    chmodSync(socket, 0o755);
    await expect(rounds({ port: app.port, stats: socket }, new AsNobody()).run(stats)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: {
        mend: expect.stringMatching(
          /chmod-socket = 660, and usermod -aG root nobody; or stats = 127\.0\.0\.1:9191/,
        ),
      },
    });
    chmodSync(socket, 0o660);
    await expect(rounds({ port: app.port, stats: socket }, new AsNobody()).run(stats)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: 'On here: usermod -aG root nobody' },
    });
  });

  test('an application that listens without statistics asks for them; one that is down does not', async () => {
    await expect(rounds({ port: app.port, stats: '127.0.0.1:1' }).run(stats)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining('stats = 127.0.0.1:1 and memory-report = true') },
    });
    await expect(rounds({ port: 1, stats: '/nowhere.sock' }).run(stats)).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
  });

  test('a server that says nothing, half, too much, or something else', async () => {
    const answers: Record<string, (socket: net.Socket) => void> = {
      TARGET_DEADLINE: () => undefined,
      BAD_ANSWER: (one) => one.end('{"version":"2.0.21","workers":[{"id":1,'),
      TARGET_CUT: (one) => one.end('x'.repeat(20_000_000)),
    };
    for (const [code, say] of Object.entries(answers)) {
      const server = net.createServer((one) => {
        one.on('error', () => undefined);
        say(one);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as net.AddressInfo;
      const place = placeOf(
        stackOf({ app: { kind: 'uwsgi', on: 'here', stats: `127.0.0.1:${port}` } }),
        'app',
      );
      const context = { ...contextOf(place), signal: AbortSignal.timeout(1000) };
      await expect(stats.collect(context, undefined)).rejects.toMatchObject({ code });
      server.close();
    }
  });

  test('a broken import and a reload: every worker without an application is certain at once', async () => {
    const other = new Servers();
    try {
      const broken = await other.uwsgi({ workers: 1, extra: 'need-app=false' });
      const watched = rounds({ port: broken.port, stats: `127.0.0.1:${broken.stats}` });
      await watched.run(stats);
      expect(watched.judge(errors)[0]).toMatchObject({ level: 'ok' });
      other.file('app.py', 'import not_there\n');
      execFileSync('sh', ['-c', `printf r > ${broken.fifo}`]);
      await until(async () => {
        await watched.run(stats);
        return watched.judge(errors)[0]?.level === 'critical';
      });
      expect(watched.judge(errors)[0]).toMatchObject({
        certain: true,
        summary: expect.stringContaining('every request there is answered with 500'),
      });
      expect(await httpStatus(broken.port, '/health')).toBe(500);
    } finally {
      await other.stop();
    }
  });
});

/** This machine for a user without any right. */
class AsNobody implements Target {
  readonly name = 'here';
  readonly account = 'reading';
  readonly #local = new LocalTarget('here', 'reading');
  read: Target['read'] = async (command) => {
    const argv = ['--reuid=nobody', '--regid=nogroup', '--clear-groups', '/bin/sh', '-c', command.line];
    const stdout = execFileSync('/usr/bin/setpriv', argv, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { stdout, stderr: '', status: 0, cut: false, ms: 1 };
  };
  exec: Target['exec'] = (command) => this.read(command);
  /** As sshd refuses it: without the reason. */
  connect: Target['connect'] = () => this.#local.connect({ host: '127.0.0.1', port: 1 });
}
