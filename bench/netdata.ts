import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Act } from '../prove/proof.ts';
import { freePort, untilListening } from '../test/targets/sshd.ts';
import { ensureProgram } from './packages.ts';

const NETDATA = '/usr/sbin/netdata';

/** netdata watching this machine, with files of its own; ended with the bench. Gives its process ids, plugins too. */
export async function startNetdata(act: Act): Promise<() => number[]> {
  ensureProgram(NETDATA, ['netdata-core', 'netdata-plugins-bash'], act.say);
  const folder = act.folder();
  for (const name of ['cache', 'lib', 'log']) mkdirSync(join(folder, name));
  const port = await freePort();
  writeFileSync(
    join(folder, 'netdata.conf'),
    `[global]
  run as user = root
[directories]
  cache = ${folder}/cache
  lib = ${folder}/lib
  log = ${folder}/log
  home = ${folder}
[web]
  bind to = 127.0.0.1:${port}
[ml]
  enabled = no
[cloud]
  enabled = no
`,
  );
  const child = spawn(NETDATA, ['-D', '-c', join(folder, 'netdata.conf')], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  act.after(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const family = familyOf(pid);
    child.kill('SIGKILL');
    await ended;
    for (const one of family) if (isNetdata(one)) process.kill(one, 'SIGKILL');
  });
  await untilListening(port, 60_000);
  return () => familyOf(pid);
}

function isNetdata(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('netdata');
  } catch {
    // It ended by itself.
    return false;
  }
}

/** A process and everything below it. */
function familyOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended while the list was read.
    }
  }
  const family = [root];
  for (const one of family) for (const [pid, parent] of parents) if (parent === one) family.push(pid);
  return family;
}
