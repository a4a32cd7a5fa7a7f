import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Config } from '../../src/config/schema.ts';
import { Secret } from '../../src/config/secret.ts';
import { Stack } from '../../src/config/stack.ts';
import { sh } from '../../src/targets/command.ts';
import type { Targets } from '../../src/targets/contract.ts';
import { openTargets } from '../../src/targets/targets.ts';
import { freePort, sshdPossible, startSshd, type TestSshd } from './sshd.ts';

if (!sshdPossible && process.env['CI']) throw new Error('sshd is missing: in CI a skipped test is a failure');

const secretOf = (source: object) =>
  new Secret('file' in source ? readFileSync(String(source.file), 'utf8') : '');

describe.skipIf(!sshdPossible)('targets', () => {
  let sshd: TestSshd;
  let targets: Targets;
  const open: Targets[] = [];

  function stackOf(port: number, knownHosts = sshd.knownHosts): Stack {
    return new Stack(
      Config.parse({
        ssh: { user: sshd.user, key: { file: sshd.key }, knownHosts },
        act: { user: sshd.user, key: { file: sshd.key } },
        hosts: { far: { address: '127.0.0.1', port }, me: { local: true } },
      }),
    );
  }
  function targetsOf(port: number, knownHosts?: string): Targets {
    const made = openTargets(stackOf(port, knownHosts), secretOf);
    open.push(made);
    return made;
  }

  beforeAll(async () => {
    sshd = await startSshd();
    targets = targetsOf(sshd.port);
  });
  afterAll(async () => {
    for (const one of open) await one.close();
    sshd?.stop();
  });

  it('hands every argument over byte for byte and runs nothing in it, locally and over SSH, read and exec', {
    timeout: 60_000,
  }, async () => {
    const canary = join(sshd.dir, 'canary');
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => !text.includes('\0')),
      fc.constantFrom(
        `$(touch ${canary})`,
        `'; touch ${canary}; '`,
        `"\`touch ${canary}\`"`,
        '-n',
        '--',
        'a\nb',
        '%s%n',
        '\\',
        "'",
        'ü\u202e',
        `|| touch ${canary}`,
      ),
    );
    await fc.assert(
      fc.asyncProperty(nasty, async (text) => {
        const wanted = Buffer.from(text, 'utf8').toString('hex');
        const command = sh`printf %s ${text} | od -An -v -tx1 | tr -d ' \n'`;
        for (const target of [targets.reading('me'), targets.reading('far')]) {
          expect((await target.read(command)).stdout).toBe(wanted);
          expect((await target.exec(command)).stdout).toBe(wanted);
        }
      }),
      { numRuns: 30 },
    );
    expect(existsSync(canary)).toBe(false);
  });

  it.each(['me', 'far'])('gives status, standard error and output apart (%s)', async (host) => {
    const target = targets.reading(host);
    for (const run of [
      target.read(sh`echo out; echo err >&2; exit 3`),
      target.exec(sh`echo out; echo err >&2; exit 3`),
    ]) {
      expect(await run).toMatchObject({ stdout: 'out\n', stderr: 'err\n', status: 3, cut: false });
    }
  });

  it.each(['me', 'far'])('cuts long output and says so (%s)', async (host) => {
    const target = targets.reading(host);
    for (const run of [
      target.read(sh`head -c 300000 /dev/zero`, { maxBytes: 1000 }),
      target.exec(sh`head -c 300000 /dev/zero`, { maxBytes: 1000 }),
    ]) {
      const output = await run;
      expect([output.stdout.length, output.cut]).toEqual([1000, true]);
    }
  });

  it.each(['me', 'far'])(
    'gives up at the deadline, and the next read has a fresh shell (%s)',
    async (host) => {
      const target = targets.reading(host);
      await expect(target.read(sh`sleep 30`, { timeoutMs: 150 })).rejects.toMatchObject({
        code: 'TARGET_DEADLINE',
      });
      await expect(target.exec(sh`sleep 30`, { timeoutMs: 150 })).rejects.toMatchObject({
        code: 'TARGET_DEADLINE',
      });
      expect((await target.read(sh`echo again`)).stdout).toBe('again\n');
    },
  );

  it('answers reads in their order although one is slow', async () => {
    const target = targets.reading('far');
    const outputs = await Promise.all([
      target.read(sh`sleep 0.2; echo 1`),
      target.read(sh`echo 2`),
      target.read(sh`echo 3`),
    ]);
    expect(outputs.map((output) => output.stdout)).toEqual(['1\n', '2\n', '3\n']);
  });

  it('says unreachable when the connection drops in the middle, and comes back', async () => {
    const own = targetsOf(sshd.port);
    const target = own.reading('far');
    const parent = (await target.read(sh`echo $PPID`)).stdout.trim();
    const running = target.read(sh`sleep 20`, { timeoutMs: 20_000 });
    running.catch(() => undefined);
    // The session's own sshd, found from inside it.
    process.kill(Number(parent), 'SIGKILL');
    await expect(running).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    await expect
      .poll(async () => (await target.read(sh`echo back`).catch(() => undefined))?.stdout, {
        timeout: 30_000,
      })
      .toBe('back\n');
  });

  it('refuses an unknown host key with the line to add, and takes it once the line is there', async () => {
    const file = join(sshd.dir, 'known-empty');
    writeFileSync(file, '# nobody\n');
    const thrown = await targetsOf(sshd.port, file)
      .reading('far')
      .read(sh`true`)
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'HOST_KEY_UNKNOWN' });
    const line = String((thrown as { fields: Record<string, string> }).fields['line']);
    expect(line).toBe(readFileSync(sshd.knownHosts, 'utf8').trim());
    appendFileSync(file, `${line}\n`);
    expect((await targetsOf(sshd.port, file).reading('far').read(sh`echo ok`)).stdout).toBe('ok\n');
  });

  it('refuses a changed host key', async () => {
    const file = join(sshd.dir, 'known-changed');
    const [type, blob] = readFileSync(join(sshd.dir, 'other.pub'), 'utf8').split(' ');
    writeFileSync(file, `[127.0.0.1]:${sshd.port} ${type} ${blob}\n`);
    await expect(targetsOf(sshd.port, file).reading('far').read(sh`true`)).rejects.toMatchObject({
      code: 'HOST_KEY_CHANGED',
    });
  });

  it('fails quickly for a host that is not there, and at once while it is known to be gone', async () => {
    const gone = targetsOf(await freePort()).reading('far');
    await expect(gone.read(sh`true`)).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    const started = performance.now();
    await expect(gone.read(sh`true`)).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it.each(['me', 'far'])('connects to TCP and unix sockets of the target (%s)', async (host) => {
    const servers = [
      net.createServer((socket) => socket.end('hello')),
      net.createServer((socket) => socket.end('hello')),
    ] as const;
    const path = join(sshd.dir, `s-${host}`);
    await new Promise<void>((resolve) => servers[0].listen(path, resolve));
    await new Promise<void>((resolve) => servers[1].listen(0, '127.0.0.1', resolve));
    const { port } = servers[1].address() as net.AddressInfo;
    for (const address of [{ path }, { host: '127.0.0.1', port }]) {
      const socket = await targets.reading(host).connect(address);
      let text = '';
      for await (const data of socket) text += String(data);
      expect(text).toBe('hello');
    }
    for (const server of servers) server.close();
    await expect(targets.reading(host).connect({ path: '/nowhere' })).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
  });

  it('ends what a missed deadline left running on the host', async () => {
    const target = targets.reading('far');
    const seconds = [`31.${process.pid}`, `32.${process.pid}`] as const;
    await Promise.allSettled([
      target.read(sh`sleep ${seconds[0]}`, { timeoutMs: 200 }),
      target.exec(sh`sleep ${seconds[1]}`, { timeoutMs: 200 }),
    ]);
    const left = () => targets.reading('me').read(sh`pgrep -fx ${`sleep 3[12].${process.pid}`} || true`);
    await expect.poll(async () => (await left()).stdout, { timeout: 30_000 }).toBe('');
  });

  it('throws a shell away that says what nobody asked for', async () => {
    const target = targets.reading('me');
    const before = (await target.read(sh`echo $PPID; (sleep 0.1; echo late) &`)).stdout;
    expect(before).not.toContain('late');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = await target.read(sh`echo fresh`);
    expect(after.stdout).toBe('fresh\n');
  });

  it('gives each read its deadline from the moment it is asked for, also behind another and at a silent host', async () => {
    const target = targets.reading('far');
    const slow = target.read(sh`sleep 1; echo slow`);
    await expect(target.read(sh`echo quick`, { timeoutMs: 150 })).rejects.toMatchObject({
      code: 'TARGET_DEADLINE',
    });
    expect((await slow).stdout).toBe('slow\n');

    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as net.AddressInfo;
    const mute = targetsOf(port).reading('far');
    const began = performance.now();
    await expect(mute.read(sh`true`, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    await expect(mute.exec(sh`true`, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    await expect(mute.connect({ path: '/x' }, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'TARGET_DEADLINE',
    });
    expect(performance.now() - began).toBeLessThan(10_000);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it('loses a host that falls silent after nine seconds, and never one that is only quiet', async () => {
    const sockets: net.Socket[] = [];
    let silent = false;
    const proxy = net.createServer((socket) => {
      const behind = net.connect(sshd.port, '127.0.0.1');
      sockets.push(socket, behind);
      for (const [from, to] of [
        [socket, behind],
        [behind, socket],
      ] as const) {
        from.on('data', (data) => silent || to.write(data));
        from.on('error', () => undefined);
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as net.AddressInfo;
    const known = join(sshd.dir, 'known_proxy');
    writeFileSync(
      known,
      readFileSync(sshd.knownHosts, 'utf8').replaceAll(`[127.0.0.1]:${sshd.port}`, `[127.0.0.1]:${port}`),
    );
    const own = targetsOf(port, known);
    const quiet = await own.reading('far').exec(sh`sleep 11; echo there`, { timeoutMs: 15_000 });
    expect(quiet.stdout).toBe('there\n');
    expect(own.health()).toMatchObject([{ state: 'connected' }]);
    silent = true;
    const began = performance.now();
    await expect(own.reading('far').read(sh`true`, { timeoutMs: 500 })).rejects.toThrow();
    await expect.poll(() => own.health()[0]?.state, { timeout: 30_000 }).toBe('unreachable');
    expect(performance.now() - began).toBeGreaterThan(8_000);
    expect(own.health()[0]?.problem).toContain('said nothing for 9 s');
    for (const socket of sockets) socket.destroy();
    proxy.close();
  }, 45_000);

  it('goes through a jump host', async () => {
    const stack = new Stack(
      Config.parse({
        ssh: { user: sshd.user, key: { file: sshd.key }, knownHosts: sshd.knownHosts, jump: 'bastion' },
        hosts: {
          bastion: { address: '127.0.0.1', port: sshd.port },
          inner: { address: '127.0.0.1', port: sshd.port },
        },
      }),
    );
    const own = openTargets(stack, secretOf);
    open.push(own);
    expect((await own.reading('inner').read(sh`echo $SSH_CONNECTION`)).stdout).toContain('127.0.0.1');
    expect(own.health()).toMatchObject([{ host: 'inner', state: 'connected' }]);
  });

  it('has a command begun where it only forwards, and goes on where it may not', async () => {
    const marks = mkdtempSync(join(tmpdir(), 'warroom-jump-'));
    const mark = join(marks, 'begun');
    for (const setting of [`ForceCommand touch ${mark}`, 'MaxSessions 0']) {
      const jump = await startSshd([setting]);
      const knownHosts = join(marks, 'known_hosts');
      writeFileSync(
        knownHosts,
        `${readFileSync(jump.knownHosts, 'utf8')}${readFileSync(sshd.knownHosts, 'utf8')}`,
      );
      // One key opens both.
      appendFileSync(join(jump.dir, 'authorized_keys'), readFileSync(`${sshd.key}.pub`, 'utf8'));
      const own = openTargets(
        new Stack(
          Config.parse({
            ssh: { user: sshd.user, key: { file: sshd.key }, knownHosts, jump: 'bastion' },
            hosts: {
              bastion: { address: '127.0.0.1', port: jump.port },
              inner: { address: '127.0.0.1', port: sshd.port },
            },
          }),
        ),
        secretOf,
      );
      try {
        expect((await own.reading('inner').read(sh`echo through`)).stdout).toBe('through\n');
        if (setting.startsWith('Force')) await expect.poll(() => existsSync(mark)).toBe(true);
      } finally {
        await own.close();
        jump.stop();
      }
    }
    rmSync(marks, { recursive: true, force: true });
  });

  it('says what to do when the key is not accepted', async () => {
    const stack = new Stack(
      Config.parse({
        ssh: { user: sshd.user, key: { file: join(sshd.dir, 'other') }, knownHosts: sshd.knownHosts },
        hosts: { far: { address: '127.0.0.1', port: sshd.port } },
      }),
    );
    const own = openTargets(stack, secretOf);
    open.push(own);
    await expect(own.reading('far').read(sh`true`)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      message: expect.stringContaining('authorized_keys'),
    });
    expect(own.acting('far')).toBeUndefined();
  });

  it('hears the end of a command that is over at once', async () => {
    const target = targets.reading('far');
    for (let n = 0; n < 15; n++) expect((await target.exec(sh`exit ${n % 7}`)).status).toBe(n % 7);
  });
});
