import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { startApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Secret } from '../../src/config/secret.ts';
import { openLog } from '../../src/log.ts';
import type { Identity } from '../../src/people/person.ts';

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

it('writes no secret of the config into the log, not even within a stack or a cause', () => {
  new Secret('in-the-log-11');
  const lines: string[] = [];
  const log = openLog({ write: (line) => lines.push(line) });
  log.error(
    { err: new Error('a in-the-log-11', { cause: new Error('b in-the-log-11') }) },
    'c in-the-log-11',
  );
  log.error({ deep: { header: 'Bearer in-the-log-11' } });
  expect(lines).toHaveLength(2);
  expect(lines.join()).not.toContain('in-the-log-11');
});

it('keeps what people typed without the secrets in it, and without those of the config', async () => {
  const at = mkdtempSync(join(tmpdir(), 'warroom-secrets-'));
  stops.push(() => rmSync(at, { recursive: true }));
  const text = `hosts: { me: { local: true } }
console: { listen: "127.0.0.1:0", tokens: [{ name: t, may: [see], secret: { env: WALL } }] }
store: sqlite:${at}/warroom.db
people: { ada: { console: ada, may: [see, operate] } }`;
  const app = await startApp({
    ...{ loaded: parseConfig('t.yaml', text, { WALL: 'wall-of-config-22' }), version: 'test', webRoot: at },
    ...{ log: pino({ level: 'silent' }), localApprover: false, platforms: () => [] },
    onFatal: (problem) => {
      throw new Error(problem);
    },
  });
  stops.push(() => app.stop());
  const ada: Identity = { platform: 'console', id: 'ada', display: 'ada', kind: 'member' };
  const stranger: Identity = { platform: 'console', id: 'zoe', display: 'zoe', kind: 'stranger' };
  const answers = [
    await app.desk.launch('mark "deploy token=hunter2 wall-of-config-22"', ada),
    await app.desk.run('mark', { text: 'password=hunter2' }, ada),
    await app.desk.mark('see https://ci/?sig=hunter2', ada),
    await app.desk.launch('hunter2', ada),
    await app.desk.launch('nonsense token=hunter2', stranger),
  ];
  expect(JSON.stringify(answers)).not.toContain('hunter2');
  expect(JSON.stringify(app.desk.notes())).toContain('deploy token=… «secret»');
  const stored = ['', '-wal'].map((end) => readFileSync(`${at}/warroom.db${end}`, 'latin1')).join('');
  expect(stored).toContain('deploy token=');
  expect(stored).not.toMatch(/hunter2|wall-of-config-22/);
}, 60_000);
