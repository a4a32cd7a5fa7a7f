import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backends, hitRate, topMisses } from '../../../src/checks/varnish/checks.ts';
import { cleanRequest, varnish, window } from '../../../src/checks/varnish/index.ts';
import type { Command } from '../../../src/targets/command.ts';
import type { Output, Target } from '../../../src/targets/contract.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { listVcls, openVarnishCli } from '../../../src/targets/varnish-cli.ts';
import { contextOf, placeOf, Rounds, stackOf } from './judge.ts';
import { httpStatus, missing, Servers, until, vclText } from './servers.ts';

const why = missing('varnish', 'uwsgi');
const NOBODY = 65_534;

describe.skipIf(why)(`Varnish, its command line and what goes wrong ${why ?? ''}`, () => {
  const servers = new Servers();
  let app: Awaited<ReturnType<Servers['uwsgi']>>;
  let edge: Awaited<ReturnType<Servers['varnish']>>;
  const target = new LocalTarget('here', 'acting');
  const [stat, log] = varnish.collectors as [(typeof varnish.collectors)[0], (typeof varnish.collectors)[0]];
  const place = () =>
    placeOf(
      stackOf({
        edge: {
          kind: 'varnish',
          on: 'here',
          url: 'http://shop.test',
          instance: edge.instance,
          address: `127.0.0.1:${edge.port}`,
        },
      }),
      'edge',
    );
  const open = (secretPath = edge.secret) =>
    openVarnishCli(target, { address: `127.0.0.1:${edge.cli}`, secretPath });

  beforeAll(async () => {
    app = await servers.uwsgi();
    edge = await servers.varnish(app.port);
  });
  afterAll(() => servers.stop());

  test('a clean request says what a visitor would get, and follows no redirect', async () => {
    const context = contextOf(place());
    expect(await cleanRequest.run(context, { path: '/legacy/1' })).toMatchObject({
      status: 301,
      location: '/product/1?from=legacy',
      cacheControl: 'no-store',
      setCookie: false,
    });
    expect(await cleanRequest.run(context, { path: '/cart', cookie: true, method: 'HEAD' })).toMatchObject({
      status: 200,
      setCookie: true,
    });
    await expect(cleanRequest.run(context, { path: '/a b\r\nX: y' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });

  test('pages that set a cookie are named as what fills the application', async () => {
    const rounds = new Rounds(place());
    await rounds.run(stat);
    const looked = rounds.run(log);
    await sleep(500);
    for (let i = 0; i < 60; i++) await httpStatus(edge.port, `/tracked/${i % 5}`);
    await looked;
    await rounds.run(stat);
    const [verdict] = rounds.judge(topMisses, { minimumBackendRequests: 10 });
    expect(verdict).toMatchObject({ level: 'critical', value: 1 });
    expect(verdict?.advice).toContain('Set-Cookie');
    const [rate] = rounds.judge(hitRate, { minimumRequests: 10, warmingSeconds: 0 });
    expect(rate).toMatchObject({ level: 'critical', value: 0 });
    const fresh = window.run(contextOf(place()), { seconds: 2 });
    await sleep(400);
    await httpStatus(edge.port, '/product/9');
    expect((await fresh).urls[0]).toMatchObject({ path: '/product/9', reason: 'cold' });
  });

  test('every view shows something', async () => {
    for (const view of varnish.views) {
      const asked = sleep(700).then(() => httpStatus(edge.port, '/product/1'));
      const [shown] = await view.show(contextOf(place()), []);
      await asked;
      expect(shown, view.name).toBeDefined();
    }
  }, 60_000);

  test('its command line signs in, compiles, lists, and says what a compiler says', async () => {
    const cli = await open();
    await cli.run(
      'vcl.inline',
      'wr_1a',
      vclText(app.port, 'sub vcl_deliver { set resp.http.X-Rule = "a \\"b\\""; }'.replaceAll('\\"', '')),
    );
    await cli.run('vcl.use', 'wr_1a');
    expect(await listVcls(cli)).toMatchObject([
      { name: 'boot', status: 'available' },
      { name: 'wr_1a', status: 'active' },
    ]);
    await expect(cli.run('vcl.inline', 'broken', 'vcl 4.1; nonsense')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      fields: { status: 106 },
    });
    expect(await cli.ask('ban', 'req.url ~ ^/a b')).toMatchObject({ status: 106 });
    expect((await cli.ask('ban', 'req.url', '~', '^/a\\sb')).status).toBe(200);
    expect(Object.keys((await cli.json('backend.list'))[0] as object)).toEqual(['wr_1a.lb']);
    await cli.run('param.set', 'cli_limit', '128');
    await expect(cli.run('vcl.show', 'wr_1a')).rejects.toMatchObject({ code: 'TARGET_CUT' });
    await cli.run('param.set', 'cli_limit', '48k');
    await cli.run('vcl.use', 'boot');
    cli.close();
    await expect(open(servers.file('wrong', 'wrong'))).rejects.toMatchObject({ code: 'NO_RIGHT' });
    await expect(open('/nowhere')).rejects.toMatchObject({ code: 'NO_RIGHT' });
  });

  test('a backend that died is certain, and the VCL in use alone is shown', async () => {
    const rounds = new Rounds(place());
    await rounds.run(stat);
    expect(rounds.judge(backends)).toMatchObject([{ level: 'ok' }]);
    await servers.end(app.child, 'SIGKILL');
    await until(async () => (await rounds.run(stat)).all('varnish.backend_healthy')[0]?.value === 0);
    expect(rounds.judge(backends)).toMatchObject([{ subject: 'lb', level: 'critical', certain: true }]);
  });

  test.skipIf(process.getuid?.() !== 0)('a user outside the group gets the line that mends it', async () => {
    const rounds = new Rounds(place(), new Stranger());
    const wanted = { code: 'NO_RIGHT', fields: { mend: 'On here: usermod -aG varnish nobody' } };
    await expect(rounds.run(stat)).rejects.toMatchObject(wanted);
    await expect(rounds.run(log)).rejects.toMatchObject(wanted);
  });

  test('one that is not running is said as that', async () => {
    const stack = stackOf({
      edge: { kind: 'varnish', on: 'here', url: 'http://shop.test', instance: '/nowhere' },
    });
    await expect(new Rounds(placeOf(stack, 'edge')).run(stat)).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
  });
});

/** Commands as a user without any right. */
class Stranger implements Target {
  readonly name = 'here';
  readonly account = 'reading';
  read(command: Command): Promise<Output> {
    return new Promise((resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', command.line], { uid: NOBODY, gid: NOBODY, cwd: '/' });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data) => (stdout += String(data)));
      child.stderr.on('data', (data) => (stderr += String(data)));
      child.once('error', reject);
      child.once('close', (status) => resolve({ stdout, stderr, status: status ?? 255, cut: false, ms: 0 }));
    });
  }
  exec(command: Command): Promise<Output> {
    return this.read(command);
  }
  connect(): Promise<never> {
    return Promise.reject(new Error('not asked for'));
  }
}
