import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { IncidentJson, StatusJson } from '../../src/bot/contract.ts';
import { type Act, eventually, Failed, type Proof } from '../proof.ts';

/** With no config at all: this machine, real figures, one thread for a busy process, and nothing without sign-in. */
export const firstStart: Proof = {
  name: 'first-start',
  shows:
    'npm start with no config: console, real figures, a busy process in one thread, nothing without sign-in',
  seconds: 300,
  run: async (act) => {
    const folder = act.folder();
    for (const name of ['dist', 'package.json']) cpSync(name, join(folder, name), { recursive: true });
    symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
    const { url, link } = await started(act, folder);
    act.check('/api/health answers anybody', (await fetch(`${url}/api/health`)).ok);
    for (const path of [
      '/api/status',
      '/api/incidents',
      '/api/notes',
      '/api/readings?metric=host.load1&target=x&window=60s',
      '/api/stream',
      '/metrics',
    ])
      act.check(
        `${path} answers nobody`,
        [401, 403, 404].includes((await fetch(`${url}${path}`)).status),
        String((await fetch(`${url}${path}`)).status),
      );
    const cookie = await signIn(url, link);
    const get = async <T>(path: string): Promise<T> =>
      (await fetch(`${url}${path}`, { headers: { Cookie: cookie } })).json() as Promise<T>;
    const host = await eventually(
      'figures of this machine',
      async () =>
        (await get<StatusJson>('/api/status')).hosts.find((row) => row.figures !== '' && row.at !== null),
      40_000,
    );
    const memory = Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 1024 / 1024;
    act.check(
      "the figures are this machine's",
      host.figures.includes(memory.toFixed(1).replace(/\.0$/, '')),
      `${host.figures} (MemTotal ${memory.toFixed(1)} GiB)`,
    );

    const busy = spawn('timeout', ['200', 'bash', '-c', 'while :; do :; done # first-start'], {
      stdio: 'ignore',
    });
    act.after(() => busy.kill('SIGKILL'));
    const begun = Date.now();
    const mine = async () =>
      (await incidents(get)).filter((one) =>
        one.findings.some((finding) => finding.check === 'host.pinned-core'),
      );
    const thread = await eventually('a thread for the busy process', async () => (await mine())[0], 60_000);
    act.figure('to thread', `${((Date.now() - begun) / 1000).toFixed(1)} s`);
    act.check('it names the process', /bash/.test(JSON.stringify(thread.findings)), thread.title);
    busy.kill('SIGTERM');
    const resolved = await eventually(
      'resolved after the process ended',
      async () => (await mine()).find((one) => one.state === 'resolved'),
      90_000,
    );
    act.check('in ONE thread', (await mine()).length === 1 && resolved.id === thread.id, `#${thread.id}`);
  },
};

async function incidents(get: <T>(path: string) => Promise<T>): Promise<readonly IncidentJson[]> {
  const body = await get<readonly IncidentJson[] | { incidents: readonly IncidentJson[] }>('/api/incidents');
  return 'incidents' in body ? body.incidents : body;
}

async function started(act: Act, folder: string): Promise<{ url: string; link: string }> {
  let out = '';
  const child: ChildProcess = spawn(process.execPath, ['dist/main.js', 'start'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  act.after(() => child.kill('SIGTERM'));
  child.stdout?.on('data', (data: Buffer) => {
    out += String(data);
  });
  child.stderr?.on('data', (data: Buffer) => {
    out += String(data);
  });
  const link = await eventually(
    'the sign-in link',
    () => {
      if (child.exitCode !== null) throw new Failed(`it ended with ${child.exitCode}: ${out.slice(-800)}`);
      return /(http:\/\/\S+\/signin#\S+)/.exec(out)?.[1];
    },
    30_000,
  );
  act.check('its store is in data/', existsSync(join(folder, 'data', 'warroom.db')));
  return { url: new URL(link).origin, link };
}

async function signIn(url: string, link: string): Promise<string> {
  const token = new URL(link).hash.slice(1);
  const answer = await fetch(`${url}/api/signin`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: url },
    body: JSON.stringify({ token }),
  });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0];
  if (!cookie) throw new Failed(`the link did not sign in: ${answer.status} ${await answer.text()}`);
  return cookie;
}
