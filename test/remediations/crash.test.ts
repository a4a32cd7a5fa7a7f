import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyAudit } from '../../src/store/audit.ts';
import { openStore } from '../../src/store/store.ts';
import { LocalTarget } from '../../src/targets/local.ts';
import { listVcls, VarnishCli } from '../../src/targets/varnish-cli.ts';
import { missingOf } from '../installed.ts';
import {
  bootVcl,
  type Daemons,
  daemons,
  type TestApp,
  type TestVarnish,
  testApp,
  testVarnish,
  VARNISHD,
} from './daemons.ts';
import { PEOPLE } from './doubles.ts';

const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url));
const gone = missingOf([VARNISHD]);
const here = new LocalTarget('here', 'acting');
let at: Daemons;
let app: TestApp;
let varnish: TestVarnish;
let config: object;

beforeAll(async () => {
  if (gone) return;
  at = await daemons();
  app = await testApp();
  varnish = await testVarnish(at, bootVcl(app.port));
  config = {
    act: { user: 'acting' },
    hosts: { here: { local: true } },
    services: {
      edge: {
        ...{ kind: 'varnish', on: 'here', url: 'http://www.example.com' },
        ...{ address: `127.0.0.1:${varnish.port}`, cli: varnish.cli, secret: varnish.secret },
      },
    },
    people: PEOPLE,
  };
}, 60_000);
afterAll(async () => {
  here.close();
  await at?.stop();
  await app?.close();
});

function live(life: object): Promise<{ code: number | null; signal: string | null; words: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, JSON.stringify(life)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => {
      words += chunk.toString();
    });
    child.on('close', (code, signal) => resolve({ code, signal, words }));
  });
}

const cli = <T>(work: (one: VarnishCli) => Promise<T>) =>
  VarnishCli.use(here, varnish, AbortSignal.timeout(10_000), work);

/** Where the process dies, whether the change helps, and what must become of it. */
const CASES = [
  ['pressed:run', true, 'kept'],
  ['intent:0', true, 'kept'],
  ['applying:0', true, 'kept'],
  ['inside:varnish.load', true, 'kept'],
  ['applied:0', true, 'kept'],
  ['intent:1', true, 'kept'],
  ['applying:1', true, 'kept'],
  ['inside:varnish.use', true, 'kept'],
  ['applied:1', true, 'kept'],
  ['settling', true, 'kept'],
  ['settling', false, 'reverted'],
  ['reverting:1', false, 'reverted'],
  ['reverted:1', false, 'reverted'],
  ['reverting:0', false, 'reverted'],
] as const;

describe.skipIf(gone)(`the bot is killed${gone ? ` (${gone})` : ''}`, () => {
  for (const [killAt, helps, end] of CASES)
    test(`at ${killAt}, a change that ${helps ? 'helps' : 'does not help'}: ends ${end}`, {
      timeout: 60_000,
    }, async () => {
      const dir = join(at.dir, `${killAt}-${helps}`.replace(':', '-'));
      mkdirSync(dir);
      const died = await live({ dir, config, begin: true, killAt, helps });
      expect(died).toMatchObject({ signal: 'SIGKILL' });
      const after = await live({ dir, config, begin: false, killAt: null, helps });
      expect(after).toMatchObject({ code: 0, words: '' });

      const store = openStore(join(dir, 'warroom.db'));
      const row = await store.db.selectFrom('proposals').selectAll().executeTakeFirstOrThrow();
      expect([row.state, JSON.parse(row.json).outcome]).toEqual([end, expect.any(String)]);
      expect(await verifyAudit(store.db)).toMatchObject({ ok: true });
      const told = await store.db.selectFrom('timeline').select('what').execute();
      for (const once of ['proposed', 'approved by', 'applied:', `${end}:`])
        expect(told.filter((one) => one.what.includes(`7-A ${once}`)).length, once).toBeLessThanOrEqual(1);
      await store.close();

      // A step is only ever applied where nothing of it was there.
      const applies = existsSync(join(dir, 'applies'))
        ? readFileSync(join(dir, 'applies'), 'utf8').trim().split('\n')
        : [];
      for (const line of applies) expect(line).toMatch(/ absent$/);
      const vcls = await cli(listVcls);
      const active = vcls.find((vcl) => vcl.status === 'active')?.name;
      expect(active).toBe(end === 'kept' ? 'wr_7a' : 'boot');
      expect(vcls.some((vcl) => vcl.name === 'wr_7a')).toBe(end === 'kept');
      if (end === 'kept')
        await cli(async (one) => {
          await one.run('vcl.use', 'boot');
          await one.run('vcl.discard', 'wr_7a');
        });
    });
});
