import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { host } from '../../../src/checks/host/index.ts';
import type { Command } from '../../../src/targets/command.ts';
import type { Target } from '../../../src/targets/contract.ts';
import { noLink } from '../no-link.ts';
import { answersOf, FIXTURES, judge, place, play, ROUNDS, replayed } from './replay.ts';

/**
 * Records what this machine answers, in namespaces of its own that hold nothing but the case's programs (as root):
 *   npx tsx test/checks/host/record.ts debian-12-6.18 busy-process
 * It writes the expected results of all recordings anew, with no words behind it those alone: the difference is what
 * gets reviewed.
 */
const CASES: Readonly<Record<string, string>> = {
  idle: 'python3 -m http.server 8000 >/dev/null 2>&1 &',
  'busy-process': `nice -n -20 sh -c 'while :; do :; done' report --password hunter2 &`,
  'busy-thread': `nice -n -20 python3 -c '
import threading
def spin():
    while True: pass
for _ in range(3): threading.Thread(target=threading.Event().wait).start()
threading.Thread(target=spin).start()' &`,
};

async function record(version: string, name: string): Promise<void> {
  const programs = CASES[name];
  if (programs === undefined) throw new Error(`There is no case ${name}.`);
  const folder = join(FIXTURES, version, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const script = `for m in $(cut -d' ' -f2 /proc/mounts | grep ^/mnt/); do umount -l $m; done
export PATH=/usr/sbin:/usr/bin:/sbin:/bin; ip link set lo up; cd /
${programs}
sleep 1000 </dev/null`;
  const box = spawn(
    '/usr/bin/unshare',
    ['-m', '-n', '-p', '-u', '-f', '--mount-proc', '--kill-child', 'sh', '-s'],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  );
  box.stdin.write(`${script}
`);
  await pause(2000);
  const inside = readFileSync(`/proc/${box.pid}/task/${box.pid}/children`, 'utf8').trim();
  let count = 0;
  const ask = async (command: Command) => {
    const stdout = execFileSync(
      '/usr/bin/nsenter',
      ['-t', inside, '-m', '-n', '-p', '-u', 'sh', '-c', command.line],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      },
    );
    count += 1;
    writeFileSync(join(folder, `${String(count).padStart(2, '0')}.txt`), stdout);
    return { stdout, stderr: '', status: 0, cut: false, ms: 0 };
  };
  const target: Target = {
    name: 'web1',
    account: 'reading',
    read: ask,
    exec: ask,
    connect: () => Promise.reject(new Error('no sockets')),
  };
  const previous = new Map<string, { at: number; snapshot: unknown }>();
  for (const [i, id] of ROUNDS.entries()) {
    if (i === 4 || i === 5) await pause(5000);
    const collector = host.collectors.find((one) => one.id === id);
    const snapshot = await collector?.collect(
      { target, place, signal: AbortSignal.timeout(10_000), link: noLink },
      previous.get(id),
    );
    previous.set(id, { at: Date.now(), snapshot });
  }
  box.kill('SIGKILL');
  const release = (file: string) => readFileSync(file, 'utf8').trim();
  writeFileSync(
    join(folder, 'source.md'),
    `Debian ${release('/etc/debian_version')}, Linux ${release('/proc/sys/kernel/osrelease').replace(/-.*/, '')}, ${new Date().toISOString().slice(0, 10)}.
The answers to the collectors ${ROUNDS.join(', ')} in this order, five seconds before each later facts, in namespaces of their own with these programs:

    ${programs.replaceAll('\n', '\n    ')}

Load, CPU times, memory and pressure are the whole machine's, which was doing other work. Nothing was changed.
Recorded by \`npx tsx test/checks/host/record.ts ${version} ${name}\`.
`,
  );
}

/** What a recording gives, as `expected.json` holds it. */
export async function resultsOf(folder: string): Promise<string> {
  const seen = await play(replayed(answersOf(folder)));
  const findings = judge(seen).map(({ check, subject, level, cleared, basis, summary, value }) => ({
    check,
    subject,
    level,
    cleared,
    basis,
    summary,
    value,
  }));
  return `${JSON.stringify({ ...seen, findings }, null, 1)}\n`;
}

export function recordings(): string[] {
  return readdirSync(FIXTURES).flatMap((version) =>
    readdirSync(join(FIXTURES, version)).map((name) => join(version, name)),
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [version, name] = process.argv.slice(2);
  if (version && name) await record(version, name);
  for (const one of recordings())
    writeFileSync(join(FIXTURES, one, 'expected.json'), await resultsOf(join(FIXTURES, one)));
}
