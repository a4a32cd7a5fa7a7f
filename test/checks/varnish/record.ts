/**
 * Records the fixtures of varnish, haproxy and uwsgi from daemons that it starts:
 *   npx tsx test/checks/varnish/record.ts
 * Expected readings are written by the golden tests with UPDATE_FIXTURES=1; look at the difference.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logFormat } from '../../../src/checks/varnish/log.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { askSocket } from '../../../src/targets/stream.ts';
import { openVarnishCli } from '../../../src/targets/varnish-cli.ts';
import { httpStatus, Servers, until, vclText } from './servers.ts';

const ROOT = join(import.meta.dirname, '..', '..', 'fixtures');
const target = new LocalTarget('here', 'reading');
const ask = (address: { path: string } | { host: string; port: number }, question = '') =>
  askSocket(target, address, question, { signal: AbortSignal.timeout(5000) });
const stat = (instance: string) => execFileSync('varnishstat', ['-j', '-n', instance], { encoding: 'utf8' });

function keep(system: string, version: string, name: string, command: string, files: Record<string, string>) {
  const dir = join(ROOT, system, version, name);
  mkdirSync(dir, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
  writeFileSync(
    join(dir, 'source.md'),
    `Recorded ${new Date().toISOString().slice(0, 10)} from ${system} ${version} of Debian 12, started by test/checks/varnish/record.ts.\n\nCommand: \`${command}\`\n\nNothing redacted: the requests are the recorder's own.\n`,
  );
}

async function some(port: number): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await httpStatus(port, `/product/${i % 2}`);
    await httpStatus(port, `/legacy/${i % 3}?token=hunter2`);
    if (i % 3 === 0) await httpStatus(port, `/tracked/${i}`);
  }
  await httpStatus(port, '/cart');
  await httpStatus(port, '/old');
  await httpStatus(port, '/passed', { headers: { Cookie: 'sid=hunter2' } });
  await httpStatus(port, '/varied/1', { headers: { Cookie: 'sid=hunter2' } });
  await httpStatus(port, '/buy', { method: 'POST' });
  await httpStatus(port, '/%01%22x"y', { headers: { Host: 'shop.test' } });
  await httpStatus(port, '/fail');
}

async function varnish(servers: Servers): Promise<void> {
  const app = await servers.uwsgi();
  const edge = await servers.varnish(app.port);
  const command = 'varnishstat -j -n DIR, twice';
  await httpStatus(edge.port, '/product/1');
  const first = stat(edge.instance);
  const argv = ['3', 'varnishncsa', '-bcj', '-t', '0', '-n', edge.instance, '-F', logFormat(true)];
  const log = new Promise<string>((resolve) => {
    execFile('timeout', argv, { encoding: 'utf8' }, (_, stdout) => resolve(stdout));
  });
  await sleep(600);
  await some(edge.port);
  const second = stat(edge.instance);
  keep('varnish', '7.1', 'healthy', command, { 'stat-1.json': first, 'stat-2.json': second });
  keep('varnish', '7.1', 'redirects', `varnishncsa -bcj -F FORMAT for 3 s`, { 'log.jsonl': await log });

  const cli = await openVarnishCli(target, { address: `127.0.0.1:${edge.cli}`, secretPath: edge.secret });
  await cli.run('vcl.inline', 'reloaded', vclText(app.port).replaceAll('lb', 'app_new'));
  await cli.run('vcl.use', 'reloaded');
  await sleep(800);
  const third = stat(edge.instance);
  await some(edge.port);
  keep('varnish', '7.1', 'after-reload', `${command}, after vcl.use of a second VCL`, {
    'stat-1.json': third,
    'stat-2.json': stat(edge.instance),
  });
  await servers.end(app.child, 'SIGKILL');
  await sleep(1500);
  await httpStatus(edge.port, '/product/77');
  keep('varnish', '7.1', 'backend-down', `${command}, after the application was killed`, {
    'stat-1.json': third,
    'stat-2.json': stat(edge.instance),
  });
  await cli.run('stop');
  await cli.run('start');
  await until(() => httpStatus(edge.port, '/old'));
  keep('varnish', '7.1', 'restarted', `${command}, the child restarted in between`, {
    'stat-1.json': third,
    'stat-2.json': stat(edge.instance),
  });
  cli.close();
}

async function haproxy(servers: Servers): Promise<void> {
  const [one, two] = [await servers.uwsgi(), await servers.uwsgi()];
  const balancer = await servers.haproxy({ app1: one.port, app2: two.port }, 'admin');
  const question = 'show info; show stat; show servers state shop\n';
  const look = () => ask({ path: balancer.socket }, question);
  await sleep(700);
  const first = await look();
  for (let i = 0; i < 20; i++) await httpStatus(balancer.port, i % 5 === 0 ? '/fail' : '/product/1');
  keep('haproxy', '2.6', 'healthy', question.trim(), { 'stats-1.txt': first, 'stats-2.txt': await look() });
  await ask({ path: balancer.socket }, `add server shop/app4 127.0.0.1:${two.port} check inter 300ms\n`);
  await ask({ path: balancer.socket }, 'enable server shop/app4; enable health shop/app4\n');
  await sleep(700);
  keep('haproxy', '2.6', 'added-server', question.trim(), {
    'stats-1.txt': first,
    'stats-2.txt': await look(),
  });
  await servers.end(one.child, 'SIGKILL');
  await sleep(1500);
  keep('haproxy', '2.6', 'server-down', question.trim(), {
    'stats-1.txt': first,
    'stats-2.txt': await look(),
  });
}

async function uwsgi(servers: Servers): Promise<void> {
  const app = await servers.uwsgi();
  const look = () => ask({ host: '127.0.0.1', port: app.stats });
  const first = await look();
  for (let i = 0; i < 20; i++)
    await httpStatus(app.port, i % 5 === 0 ? '/fail' : '/product/1').catch(() => 0);
  keep('uwsgi', '2.0', 'healthy', 'connect to the stats port', {
    'stats-1.json': first,
    'stats-2.json': await look(),
  });
  const headers = { Cookie: 'sid=hunter2', Authorization: 'Basic aHVudGVyMg==' };
  const asked = Array.from({ length: 6 }, () =>
    httpStatus(app.port, '/slow?s=2.5&token=hunter2', { headers }),
  );
  await sleep(1800);
  keep('uwsgi', '2.0', 'all-busy', 'connect to the stats port', {
    'stats-1.json': first,
    'stats-2.json': await look(),
  });
  await Promise.all(asked);
}

const servers = new Servers();
try {
  await varnish(servers);
  await haproxy(servers);
  await uwsgi(servers);
} finally {
  await servers.stop();
}
