import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { Bot } from '../../prove/bot.ts';
import { type Act, eventually, type Proof, pause } from '../../prove/proof.ts';
import { Config } from '../../src/config/schema.ts';
import { Secret } from '../../src/config/secret.ts';
import { Stack } from '../../src/config/stack.ts';
import { sh } from '../../src/targets/command.ts';
import { openTargets } from '../../src/targets/targets.ts';
import { freePort, startSshd, type TestSshd } from '../../test/targets/sshd.ts';
import { budget, cpuSeconds, median, percent, residentMiB } from '../peer.ts';

const CALLS = 60;
const FLEET = 200;
const WATCHED_MS = 60_000;
const run = promisify(execFile);

/** Reaching hosts: a kept read against OpenSSH's ControlMaster, and what 200 kept connections cost one process. */
export const hosts: Proof = {
  name: 'hosts',
  shows: 'a kept read against OpenSSH ControlMaster; 200 connections in one process',
  seconds: 300,
  run: async (act) => {
    const sshd = await startSshd();
    act.after(() => sshd.stop());
    const master = await controlMaster(act, sshd);
    const kept = await keptRead(sshd);
    budget(
      act,
      'a kept read takes at most a third of ControlMaster',
      kept <= master / 3,
      `${kept.toFixed(2)} ms against ${master.toFixed(2)} ms, ${(kept / master).toFixed(2)} of it`,
      { because: 'this machine was busy with other work', mend: 'a run on a quiet machine' },
    );
    act.figure('kept read', `${kept.toFixed(2)} ms = ${(kept / master).toFixed(2)} of ControlMaster`);
    await fleet(act);
  },
};

/** Median of a call through OpenSSH's own multiplexing, in ms. */
async function controlMaster(act: Act, sshd: TestSshd): Promise<number> {
  const options = [
    ...[
      '-F',
      '/dev/null',
      '-i',
      sshd.key,
      '-p',
      String(sshd.port),
      '-o',
      `UserKnownHostsFile=${sshd.knownHosts}`,
    ],
    ...['-o', `ControlPath=${join(sshd.dir, 'control')}`, '-o', 'BatchMode=yes'],
  ];
  const where = `${sshd.user}@127.0.0.1`;
  await run('ssh', [...options, '-o', 'ControlMaster=yes', '-o', 'ControlPersist=60', where, 'true']);
  act.after(() => run('ssh', [...options, '-O', 'exit', where]).catch(() => undefined));
  return timed(() => run('ssh', [...options, where, 'cat /proc/loadavg']));
}

/** Median of a read through the kept shell, in ms. */
async function keptRead(sshd: TestSshd): Promise<number> {
  const config = Config.parse({
    ssh: { user: sshd.user, key: { file: sshd.key }, knownHosts: sshd.knownHosts, port: sshd.port },
    hosts: { one: { address: '127.0.0.1' } },
  });
  const targets = openTargets(new Stack(config), () => new Secret(readFileSync(sshd.key, 'utf8')));
  try {
    return await timed(() => targets.reading('one').read(sh`cat /proc/loadavg`));
  } finally {
    await targets.close();
  }
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  await call();
  const times: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  }
  return median(times);
}

/** The bot itself with a config of 200 hosts, each a connection of its own with a process list of its own. */
async function fleet(act: Act): Promise<void> {
  const folder = act.folder();
  // Each connection sees its own processes only, as a host of its own would.
  const many = await startSshd([
    'ForceCommand exec unshare -m -p -f --mount-proc --kill-child sh -c "$SSH_ORIGINAL_COMMAND"',
  ]);
  act.after(() => many.stop());
  const names = Array.from({ length: FLEET }, (_, i) => `host${String(i + 1).padStart(3, '0')}`);
  const listen = `127.0.0.1:${await freePort()}`;
  const secret = join(folder, 'token');
  writeFileSync(secret, 'a-token-of-this-bench-alone\n', { mode: 0o600 });
  writeFileSync(
    join(folder, 'fleet.yaml'),
    stringify({
      launch: { name: 'Fleet' },
      ssh: { user: many.user, key: { file: many.key }, knownHosts: many.knownHosts, port: many.port },
      hosts: Object.fromEntries(names.map((name) => [name, { address: '127.0.0.1', sharedKernel: true }])),
      console: {
        listen,
        publicUrl: `http://${listen}`,
        tokens: [{ name: 'ada', may: ['see'], secret: { file: secret } }],
      },
      store: `sqlite:${join(folder, 'data', 'warroom.db')}`,
    }),
  );
  const tokens = { ada: 'a-token-of-this-bench-alone' };
  const bot = new Bot(join(folder, 'fleet.yaml'), `http://${listen}`, tokens, join(folder, 'bot.log'));
  act.after(() => bot.kill('SIGKILL'));
  act.lastWords(() => bot.log().slice(-1500));
  await bot.start();
  await eventually(
    `${FLEET} hosts to be read`,
    async () => {
      const { hosts: rows } = await bot.status();
      return rows.filter((row) => row.at !== null).length === FLEET ? true : undefined;
    },
    90_000,
    1000,
  );
  const before = cpuSeconds(bot.pid);
  let most = 0;
  const until = Date.now() + WATCHED_MS;
  while (Date.now() < until) {
    await pause(1000);
    most = Math.max(most, residentMiB(bot.pid));
  }
  const cores = (cpuSeconds(bot.pid) - before) / (WATCHED_MS / 1000);
  budget(act, `${FLEET} connections in one process under half a core`, cores < 0.5, percent(cores), {
    because: 'every host is read whole every 5 s by one thread',
    mend: 'a longer interval for host facts in large fleets',
  });
  budget(act, `${FLEET} connections within 150 MiB`, most < 150, `${most.toFixed(0)} MiB at most`, {
    because: 'each connection keeps its own buffers and snapshots',
    mend: 'snapshots that keep no text of what was answered',
  });
  act.figure('200 hosts', `${percent(cores)} of a core, ${most.toFixed(0)} MiB`);
}
