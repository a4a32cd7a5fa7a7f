import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync } from 'node:fs';
import net from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Evidence } from '../../../src/checks/contract.ts';
import { host } from '../../../src/checks/host/index.ts';
import {
  parseFiles,
  parseSockets,
  parseSyscalls,
  parseThreads,
  parseUnixSockets,
} from '../../../src/checks/host/process-parsers.ts';
import type { Target } from '../../../src/targets/contract.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { noLink } from '../no-link.ts';
import { until } from '../varnish/servers.ts';
import { place } from './replay.ts';

const target = new LocalTarget('web1', 'reading');
const show = (name: string, words: readonly string[], on: Target = target) => {
  const view = host.views.find((one) => one.name === name);
  if (!view) throw new Error(`There is no view ${name}.`);
  return view.show({ target: on, place, signal: AbortSignal.timeout(15_000), link: noLink }, words);
};
const tableOf = (evidence: readonly Evidence[], at = 0) =>
  evidence.filter((one) => one.kind === 'table')[at] as Extract<Evidence, { kind: 'table' }>;

function withoutStrace(): string | undefined {
  try {
    accessSync('/usr/bin/strace');
    return undefined;
  } catch {
    if (process.env['CI']) throw new Error('not installed: strace');
    return 'not installed: strace';
  }
}

describe('one process', () => {
  let child: ChildProcess;
  let listener: net.Server;
  let pid: string;

  beforeAll(async () => {
    child = spawn(process.execPath, [
      '-e',
      "require('net').createServer().listen(0, '127.0.0.1'); require('fs').openSync('/etc/passwd'); setInterval(() => require('fs').existsSync('/nowhere'), 20)",
    ]);
    pid = String(child.pid);
    listener = net.createServer();
    await until(async () =>
      execFileSync('ls', ['-l', `/proc/${pid}/fd`])
        .toString()
        .includes('/etc/passwd'),
    );
  });
  afterAll(() => {
    child.kill('SIGKILL');
    listener.close();
    target.close();
  });

  test('files: as many as the kernel says, with its socket’s address', async () => {
    const evidence = await show('files', [pid]);
    const count = execFileSync('ls', [`/proc/${pid}/fd`])
      .toString()
      .trim()
      .split('\n').length;
    const { rows, title } = tableOf(evidence);
    expect(title).toContain(`(process ${pid})`);
    expect(rows).toContainEqual([expect.any(String), 'r', 'file', '/etc/passwd']);
    expect(rows).toContainEqual([
      expect.any(String),
      'rw',
      'tcp',
      expect.stringMatching(/^127\.0\.0\.1:\d+ listening$/),
    ]);
    expect(evidence[0]).toMatchObject({ kind: 'figures' });
    const figures = evidence[0] as Extract<Evidence, { kind: 'figures' }>;
    expect(figures.rows[0]).toMatchObject({ name: 'open files', value: count });
  });

  test('stack: its threads and where they wait', async () => {
    const { rows } = tableOf(await show('stack', [pid]));
    const tasks = execFileSync('ls', [`/proc/${pid}/task`])
      .toString()
      .trim()
      .split('\n');
    expect(rows.map(([id]) => id)).toEqual(tasks.sort((a, b) => Number(a) - Number(b)).slice(0, 30));
    expect(rows[0]?.[2]).toMatch(/sleeping|running/);
  });

  test.skipIf(withoutStrace())(
    'syscalls: what strace counts in five seconds',
    { timeout: 20_000 },
    async () => {
      const { rows } = tableOf(await show('syscalls', [pid]));
      const calls = rows.map(([call]) => call);
      expect(calls.some((call) => /^(stat|newfstatat|statx|access|faccessat)/.test(String(call)))).toBe(true);
      const [, , , count] = rows.find(([call]) => /stat|access/.test(String(call))) ?? [];
      // Every 20 ms for 5 s, give or take what tracing costs.
      expect(Number(count)).toBeGreaterThan(50);
      expect(Number(count)).toBeLessThan(300);
      expect(host.views.find((one) => one.name === 'syscalls')?.cost).toContain('for 5 s');
      // It is let go again.
      const status = execFileSync('grep', ['TracerPid', `/proc/${pid}/status`]).toString();
      expect(status).toMatch(/TracerPid:\s+0/);
    },
  );

  test.each([
    [],
    ['1', '2'],
    ['-1'],
    ['0'],
    ['1;id'],
    ['self'],
    ['../1'],
    ['12 34'],
    ['9'.repeat(20)],
    ['１'],
  ])('no process id: %j', async (...words) => {
    for (const view of ['files', 'syscalls', 'stack'])
      await expect(show(view, words)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  test('one that is not there', async () => {
    for (const view of ['files', 'syscalls', 'stack'])
      await expect(show(view, ['4194999'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('another user’s process: the exact line of sudoers', async () => {
    const closed = (line: string): Target => ({
      name: 'web1',
      account: 'reading',
      read: () => Promise.reject(new Error('no')),
      connect: () => Promise.reject(new Error('no')),
      exec: async () => ({ stdout: line, stderr: '', status: 0, cut: false, ms: 1 }),
    });
    await expect(show('files', ['7'], closed('nginx\n== files\nwarroom: closed\n'))).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: {
        mend: expect.stringContaining('warroom ALL=(root) NOPASSWD: /usr/bin/ls ^-l /proc/[0-9]+/fd/$'),
      },
    });
    await expect(show('syscalls', ['7'], closed('1\nwarroom: closed\n'))).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: {
        mend: expect.stringContaining('/usr/bin/timeout ^-s INT 5 /usr/bin/strace -c -f -qq -p [0-9]+$'),
      },
    });
    await expect(show('syscalls', ['7'], closed('missing\n'))).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: 'On web1: apt-get install strace' },
    });
    const noted = await show('stack', ['7'], closed('== stack\nunread\n'));
    expect(JSON.stringify(noted)).toContain('NOPASSWD: /usr/bin/cat ^/proc/[0-9]+/stack$');
  });

  test.skipIf(process.getuid?.() !== 0)('and a real reader who may not', async () => {
    const nobody = new AsNobody();
    await expect(show('files', [pid], nobody)).rejects.toMatchObject({ code: 'NO_RIGHT' });
    if (!withoutStrace())
      await expect(show('syscalls', [pid], nobody)).rejects.toMatchObject({ code: 'NO_RIGHT' });
    expect(JSON.stringify(await show('stack', [pid], nobody))).toContain('for root alone');
  });
});

/** This machine, seen by a user without any right. */
class AsNobody implements Target {
  readonly name = 'web1';
  readonly account = 'reading';
  read: Target['read'] = (command) => this.exec(command);
  exec: Target['exec'] = async (command) => {
    const argv = ['--reuid=nobody', '--regid=nogroup', '--clear-groups', '/bin/sh', '-c', command.line];
    const stdout = execFileSync('/usr/bin/setpriv', argv, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { stdout, stderr: '', status: 0, cut: false, ms: 1 };
  };
  connect: Target['connect'] = () => Promise.reject(new Error('no sockets'));
}

describe('parsers', () => {
  test('files with odd names stay one file each', () => {
    const list = `total 0
lrwx------ 1 root root 64 Nov 26 11:02 23 -> socket:[36640]
l-wx------ 1 www-data www-data 64 Nov 26 11:02 2 -> /var/log/a -> b.log (deleted)
lrwx------ 1 root root 64 Nov 26 11:02 3 -> anon_inode:[eventpoll]
lr-x------ 1 root root 64 Nov 26 11:02 4 -> pipe:[7]`;
    const names = parseSockets('tcp ESTAB 0 0 10.0.0.1:80 10.0.0.2:5000 uid:33 ino:36640 sk:1 <->');
    expect(parseFiles(list, names)).toEqual([
      { fd: 2, mode: 'w', kind: 'file', what: '/var/log/a -> b.log (deleted)' },
      { fd: 3, mode: 'rw', kind: 'eventpoll', what: '' },
      { fd: 4, mode: 'r', kind: 'pipe', what: 'pipe:[7]' },
      { fd: 23, mode: 'rw', kind: 'tcp', what: '10.0.0.1:80 - 10.0.0.2:5000 ESTAB' },
    ]);
  });

  test('nothing makes them fail', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parseFiles(text, parseSockets(text));
        parseUnixSockets(text);
        parseSyscalls(text);
        parseThreads(text);
      }),
    );
  });
});
