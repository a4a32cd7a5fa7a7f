import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pino } from 'pino';
import { keyFile, knownHostsFile, READER } from '../../lab/accounts.ts';
import { makeCpuGroup } from '../../lab/cgroup.ts';
import type { Lab } from '../../lab/index.ts';
import { BOOT_CORES } from '../../lab/limits.ts';
import { namespace } from '../../lab/plan.ts';
import { USER_SOCKET } from '../../lab/services/haproxy.ts';
import { Failed, type Proof } from '../../prove/proof.ts';
import type { System } from '../../src/checks/contract.ts';
import { SYSTEMS } from '../../src/checks/index.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { HealthBoard } from '../../src/health/health.ts';
import { History } from '../../src/history/history.ts';
import { Watcher } from '../../src/schedule/watcher.ts';
import { openTargets } from '../../src/targets/targets.ts';
import { labFor } from '../lab.ts';
import { ensureProgram } from '../packages.ts';
import { budget, median } from '../peer.ts';

const ROUNDS = 15;
/** The host whose own four questions are asked. */
const HOST = 'app1';
const PLUGINS = '/usr/lib/nagios/plugins';

/** Twenty questions, as monitoring-plugins and as Warroom answer them. */
const HOST_CHECKS = ['host.load', 'host.swap', 'host.disk', 'host.pinned-core'];
const SERVICE_CHECKS = [
  ...['varnish.backends', 'varnish.hit-rate', 'haproxy.backends', 'haproxy.errors', 'haproxy.queue'],
  ...['uwsgi.busy', 'uwsgi.queue', 'uwsgi.errors', 'postgres.connections', 'postgres.replication'],
  ...['pgbouncer.waiting', 'mysql.connections', 'mysql.replication', 'memcached.balance'],
  ...['memcached.evictions', 'celery.workers'],
];

export const round: Proof = {
  name: 'round',
  shows: 'one round of 20 checks against 20 processes of monitoring-plugins',
  seconds: 300,
  run: async (act) => {
    ensureProgram(
      `${PLUGINS}/check_load`,
      ['monitoring-plugins-basic', 'monitoring-plugins-standard'],
      act.say,
    );
    const lab = await labFor(act);
    ensureProgram('/bin/nc.openbsd', ['netcat-openbsd'], act.say);
    // No cap for either side: a fifth of a core is not what is measured here.
    for (const host of lab.hosts) makeCpuGroup(namespace(lab.state.number, host.name), BOOT_CORES);
    const plugins = commandsOf(lab);
    const peer = await rounds(() => runPlugins(plugins));
    const watchers = await watchersOf(lab, act.after);
    const network = await rounds(() => runPlugins(plugins.filter(([plugin]) => plugin !== 'check_by_ssh')));
    act.say(
      `the ${plugins.filter(([plugin]) => plugin !== 'check_by_ssh').length} plugins among them that ask over the open network alone: ${network.wall.toFixed(0)} ms, ${network.cpu.toFixed(0)} ms CPU`,
    );
    const own = await rounds(async () => {
      const started = process.cpuUsage();
      // Second 0 is due for every interval: the round holds the slow collectors too.
      await Promise.all(watchers.map((watcher) => watcher.tick(0)));
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1000;
    });
    const findings = watchers.flatMap((watcher) => watcher.findings());
    const judged = new Set(findings.map(({ check }) => check));
    const unknown = findings.filter(({ level }) => level === 'unknown');
    act.check(
      '20 checks were judged, none unknown',
      judged.size === 20 && unknown.length === 0,
      `${judged.size} checks, ${findings.length} findings${unknown.map((one) => `, ${one.check}: ${one.summary}`).join('')}`,
    );
    const because = 'the servers that answer share two cores with whoever asks';
    for (const key of ['wall', 'cpu'] as const) {
      const ratio = own[key] / peer[key];
      budget(
        act,
        `${key === 'wall' ? 'wall time' : 'client CPU'} at most a tenth`,
        ratio <= 0.1,
        `${own[key].toFixed(1)} ms against ${peer[key].toFixed(1)} ms, ${ratio.toFixed(3)} of it`,
        { because, mend: 'fewer bytes a round from the dearest collector' },
      );
      act.figure(key, `${own[key].toFixed(1)} of ${peer[key].toFixed(1)} ms = ${ratio.toFixed(3)}`);
    }
  },
};

/** Medians in ms: of the whole, and of CPU as the work tells it. */
async function rounds(work: () => Promise<number>): Promise<{ wall: number; cpu: number }> {
  for (let i = 0; i < 3; i++) await work();
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    cpus.push(await work());
    walls.push(performance.now() - started);
  }
  return { wall: median(walls), cpu: median(cpus) };
}

/** One host, as its own checks are asked of one; and every service. */
async function watchersOf(lab: Lab, after: (undo: () => Promise<unknown>) => void): Promise<Watcher[]> {
  const { stack, config, secret } = loadConfig(join(lab.root, 'warroom.yaml'));
  const { [HOST]: host } = config.hosts;
  const alone = { ...config, hosts: { [HOST]: host as NonNullable<typeof host> }, services: {} };
  const make = (configOf: Config, stackOf: Stack, ids: readonly string[]) => {
    const targets = openTargets(stackOf, secret);
    after(() => targets.close());
    return new Watcher({
      systems: only(ids),
      stack: stackOf,
      config: () => configOf,
      targets,
      history: new History(),
      health: new HealthBoard(),
      log: pino({ level: 'silent' }),
      now: Date.now,
    });
  };
  return [make(alone, new Stack(alone), HOST_CHECKS), make(config, stack, SERVICE_CHECKS)];
}

/** The systems with those checks, and the collectors that they need. */
function only(ids: readonly string[]): System[] {
  return SYSTEMS.map((system) => {
    const checks = system.checks.filter(({ id }) => ids.includes(id));
    const needs = new Set(checks.flatMap((check) => check.needs));
    return { ...system, checks, collectors: system.collectors.filter(({ id }) => needs.has(id)) };
  }).filter(({ checks }) => checks.length > 0);
}

/**
 * The same twenty questions. What no network shows (a host's load, a statistics socket) is asked by check_by_ssh, which
 * is how plugins reach it where nothing of theirs is installed.
 */
function commandsOf(lab: Lab): string[][] {
  const at = (host: string) => lab.address(host);
  const { postgres, mysql } = lab.passwords;
  const http = (host: string, port: number, path: string) => [
    'check_http',
    '-I',
    at(host),
    '-p',
    String(port),
    '-u',
    path,
  ];
  const sql = (host: string, port: number) => [
    ...[
      'check_pgsql',
      '-H',
      at(host),
      '-P',
      String(port),
      '-d',
      'shop',
      '-l',
      'warroom',
      '-p',
      postgres.warroom,
    ],
  ];
  const my = (host: string) => ['check_mysql', '-H', at(host), '-u', 'warroom', '-p', mysql.warroom];
  const tcp = (host: string, port: number) => ['check_tcp', '-H', at(host), '-p', String(port)];
  const overSsh = (host: string, command: string) => [
    ...['check_by_ssh', '-H', at(host), '-l', READER, '-i', keyFile(lab.root, READER), '-t', '20'],
    ...['-o', `UserKnownHostsFile=${knownHostsFile(lab.root)}`, '-C', command],
  ];
  return [
    overSsh(HOST, `${PLUGINS}/check_load -w 50,50,50 -c 90,90,90`),
    overSsh(HOST, `${PLUGINS}/check_swap -w 5% -c 1% -n ok`),
    overSsh(HOST, `${PLUGINS}/check_disk -w 5% -c 1% -p /`),
    overSsh(HOST, `${PLUGINS}/check_procs -w 4000 -c 8000`),
    overSsh('web1', 'varnishstat -1 -f MAIN.cache_hit -f MAIN.cache_miss -f MAIN.s_pass'),
    http('web1', 80, '/health'),
    overSsh('lb1', `echo "show stat" | nc -U -w 1 ${USER_SOCKET}`),
    http('lb1', 8080, '/lb-health'),
    http('lb1', 8080, '/health'),
    ...['app1', 'app2', 'app3'].map((host) => overSsh(host, 'nc -w 1 127.0.0.1 9191')),
    sql('db1', 5432),
    sql('db2', 5432),
    sql('db1', 6432),
    my('my1'),
    my('my2'),
    tcp('cache1', 11211),
    tcp('cache2', 11211),
    tcp('queue1', 6379),
  ];
}

/** All at once, as a scheduler runs them; gives the CPU of all of them in ms. */
async function runPlugins(commands: readonly (readonly string[])[]): Promise<number> {
  const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  const lines = commands.map(([plugin = '', ...words]) =>
    [`${PLUGINS}/${plugin}`, ...words].map(quoted).join(' '),
  );
  const script = `${lines.map((line) => `${line} >/dev/null 2>&1 &`).join('\n')}\nwait\ntimes\n`;
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Failed(`the plugins could not be run: ${code}`);
  // The second line of `times`: children's user and system time.
  const [, children = ''] = text.trim().split('\n');
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  );
}
