import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import type { ProposalJson } from '../../src/remediations/contract.ts';
import { Guard } from '../../src/remediations/guard.ts';
import { REMEDIATIONS, STEP_TYPES } from '../../src/remediations/index.ts';
import { openStore, type Store } from '../../src/store/store.ts';
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
  waitFor,
} from './daemons.ts';
import { as, localTargets, PEOPLE, saidHistory, seenWith, silent } from './doubles.ts';

const gone = missingOf([VARNISHD]);
const here = new LocalTarget('here', 'acting');
let at: Daemons;
let app: TestApp;
let varnish: TestVarnish;
let store: Store;
let guard: Guard;
let helped: boolean;
let incident = 20;
let urls: object[];

beforeAll(async () => {
  if (gone) return;
  at = await daemons();
  app = await testApp();
  // A VCL with rules of its own: carts are passed, cookies elsewhere are not touched.
  const own =
    'sub vcl_recv { if (req.url ~ "^/cart") { return (pass); } }\nsub vcl_deliver { set resp.http.X-Own = "1"; }';
  varnish = await testVarnish(at, bootVcl(app.port, own));
}, 60_000);
afterAll(async () => {
  here.close();
  await at?.stop();
  await app?.close();
});
beforeEach(() => {
  if (gone) return;
  store = openStore(':memory:');
  helped = false;
  urls = [];
  incident += 1;
  const config = Config.parse({
    act: { user: 'acting' },
    hosts: { here: { local: true } },
    services: {
      edge: {
        ...{ kind: 'varnish', on: 'here', url: 'http://www.example.com', passed: ['/cart*'] },
        ...{ address: `127.0.0.1:${varnish.port}`, cli: varnish.cli, secret: varnish.secret },
      },
    },
    sites: ['shop.example.com'],
    people: PEOPLE,
  });
  const stack = new Stack(config);
  const history = saidHistory(Date.now, (metric) => (metric === 'visitors.requests' ? 50 : helped ? 1 : 40));
  guard = new Guard({
    ...{ store, stack, config: () => config, targets: localTargets(stack), now: Date.now, log: silent },
    seen: seenWith(history, { edge: { log: { urls } } }),
    publish: async () => undefined,
    onChange: () => undefined,
    remediations: REMEDIATIONS,
    stepTypes: STEP_TYPES,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / 100)),
  });
});

const wish = (params: object) => ({
  remediation: 'cache-rule',
  params: { service: 'edge', ...params },
  effect: 'cure' as const,
});

async function refused(params: object): Promise<string> {
  const made = await guard.propose(incident, wish(params));
  return 'refused' in made ? made.refused : `proposed ${made.id}`;
}

/** Proposes, approves and judges; `inside` runs while the rule is in use. */
async function carriedOut(
  params: object,
  helps: boolean,
  inside: () => Promise<void>,
): Promise<ProposalJson> {
  const made = await guard.propose(incident, wish(params));
  if ('refused' in made) throw new Error(made.refused);
  const seen = guard;
  helped = false;
  const settling = new Promise<void>((resolve, reject) => {
    // Judged only once the test has looked.
    const timer = setInterval(() => {
      const state = seen.proposal(made.id)?.state;
      if (state === 'settling') resolve();
      else if (state !== 'approved' && state !== 'running' && state !== 'pending')
        reject(new Error(`it is ${state}: ${seen.proposal(made.id)?.outcome}`));
      else return;
      clearInterval(timer);
    }, 5);
  });
  await guard.approve(made.id, made.planHash, as('ada'));
  await settling;
  helped = helps;
  await inside();
  await guard.idle();
  return guard.proposal(made.id) as ProposalJson;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(
      {
        port: varnish.port,
        host: '127.0.0.1',
        path,
        method,
        headers: { Host: 'www.example.com', ...headers },
        agent: false,
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
      },
    )
      .on('error', reject)
      .end();
  });
}

const asked = (path: string) => app.seen.get(path) ?? 0;

async function toBoot(): Promise<void> {
  await VarnishCli.use(here, varnish, AbortSignal.timeout(10_000), async (cli) => {
    const vcls = await listVcls(cli);
    await cli.run('vcl.use', 'boot');
    for (const vcl of vcls) if (vcl.name !== 'boot') await cli.ask('vcl.discard', vcl.name);
    await cli.run('ban', 'obj.status', '!=', '0');
  });
}

describe.skipIf(gone)(`cache-rule on a real Varnish${gone ? ` (${gone})` : ''}`, () => {
  test('ttl: the same redirect for everybody, one request to the app, clients get 60 s', {
    timeout: 60_000,
  }, async () => {
    const done = await carriedOut(
      { form: 'ttl', pattern: '/legacy/', paths: ['/legacy/1'], share: 0.6 },
      true,
      async () => {
        const before = asked('/legacy/7');
        for (const headers of [{}, { Cookie: 'a=1' }, { Cookie: 'b=2' }]) {
          const answer = await get('/legacy/7', headers);
          expect(answer).toMatchObject({
            status: 301,
            headers: { location: '/new/7', 'cache-control': 'public, max-age=60', 'x-own': '1' },
          });
          expect(answer.headers['set-cookie']).toBeUndefined();
          expect(Object.keys(answer.headers).join()).not.toMatch(/warroom|^age/);
        }
        expect(asked('/legacy/7') - before).toBe(1);
        // Others' hosts, other methods, signed requests and the rest of the site go their old way.
        for (const [path, headers, method] of [
          ['/legacy/8', { Host: 'evil.example' }, 'GET'],
          ['/legacy/9', {}, 'POST'],
          ['/legacy/10', { Authorization: 'Basic eA==' }, 'GET'],
        ] as const) {
          await get(path, headers, method);
          const answer = await get(path, headers, method);
          expect([path, answer.headers['cache-control']]).toEqual([path, 'no-store']);
          expect(asked(path)).toBe(2);
        }
        expect((await get('/cart', { Cookie: 'a=1' })).status).toBe(200);
      },
    );
    expect(done.state).toBe('kept');
    expect(done.patch?.text).toContain('sub vcl_backend_response');
    expect(done.steps[0]?.command).toContain('set beresp.ttl = 365d;');
    expect(done.title).toBe('Keep /legacy/* redirects in Varnish for a year');
    expect(await refused({ form: 'ttl', pattern: '/legacy/', paths: ['/legacy/1'] })).toMatch(
      /stands in wr_\w+ on here already/,
    );
    await toBoot();
  });

  test('ttl that does not help: taken back, and nothing that it kept stays', {
    timeout: 60_000,
  }, async () => {
    const done = await carriedOut(
      { form: 'ttl', pattern: '/legacy/', paths: ['/legacy/1'] },
      false,
      async () => {
        await get('/legacy/20');
        await get('/legacy/20');
        expect(asked('/legacy/20')).toBe(1);
      },
    );
    expect(done).toMatchObject({ state: 'reverted', outcome: expect.stringContaining('Not better') });
    const answer = await get('/legacy/20');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(asked('/legacy/20')).toBe(2);
    expect(Object.keys(answer.headers).join()).not.toContain('warroom');
  });

  test('a redirect that leaves the sites is not kept, even under an approved pattern', {
    timeout: 60_000,
  }, async () => {
    await carriedOut(
      { form: 'ttl', patterns: ['/legacy/*', '/poison/*'], paths: ['/legacy/1'] },
      true,
      async () => {
        for (let i = 0; i < 2; i++)
          expect((await get('/poison/1')).headers['cache-control']).toBe('no-store');
        expect(asked('/poison/1')).toBe(2);
      },
    );
    await toBoot();
  });

  test('synth: exact status and Location, and no request to the app', { timeout: 60_000 }, async () => {
    const done = await carriedOut({ form: 'synth', urls: ['/legacy/30', '/legacy/31'] }, true, async () => {
      const before = asked('/legacy/30');
      for (const [url, to] of [
        ['/legacy/30', '/new/30'],
        ['/legacy/31', '/new/31'],
      ] as const)
        expect(await get(url, { Cookie: 'x=1', 'X-Warroom-21a': '1' })).toMatchObject({
          status: 301,
          headers: { location: to },
        });
      expect(asked('/legacy/30')).toBe(before);
      expect((await get('/legacy/30?q=1')).headers['cache-control']).toBe('no-store');
      expect((await get('/page', { [`X-Warroom-${incident}a`]: '0' })).status).toBe(200);
    });
    expect(done.state).toBe('kept');
    await toBoot();
  });

  test('not-found: by pattern for 60 s, or at once', { timeout: 60_000 }, async () => {
    await carriedOut({ form: 'not-found', pattern: '/gone/', paths: ['/gone/1'] }, true, async () => {
      for (const cookie of ['a=1', 'b=2'])
        expect((await get('/gone/5', { Cookie: cookie })).status).toBe(404);
      expect(asked('/gone/5')).toBe(1);
    });
    await toBoot();
    incident += 1;
    await carriedOut({ form: 'not-found', urls: ['/gone/6'], synthetic: true }, true, async () => {
      const before = asked('/gone/6');
      expect((await get('/gone/6')).status).toBe(404);
      expect(asked('/gone/6')).toBe(before);
    });
    await toBoot();
  });

  test('pages: kept for a time, passed, or without what keeps them out', { timeout: 90_000 }, async () => {
    await carriedOut({ form: 'url-ttl', urls: ['/page'], seconds: 30 }, true, async () => {
      const before = asked('/page');
      for (const cookie of ['a=1', 'b=2']) expect((await get('/page', { Cookie: cookie })).status).toBe(200);
      expect(asked('/page') - before).toBeLessThanOrEqual(1);
    });
    await toBoot();
    for (const form of ['unset-set-cookie', 'unset-vary']) {
      incident += 1;
      const path = `/static/${form}`;
      await carriedOut({ form, patterns: ['/static/*'], paths: [path] }, true, async () => {
        await get(path, { Cookie: 'a=1' });
        const answer = await get(path, { Cookie: 'b=2' });
        expect(answer.headers[form === 'unset-vary' ? 'vary' : 'set-cookie']).toBeUndefined();
      });
      await toBoot();
    }
    incident += 1;
    await carriedOut({ form: 'pass', urls: ['/fresh'] }, true, async () => {
      await get('/fresh');
      await get('/fresh');
      expect(asked('/fresh')).toBe(2);
    });
    await toBoot();
  });

  test('is not proposed where our own request says no', { timeout: 60_000 }, async () => {
    expect(await refused({ form: 'ttl', pattern: '/poison/', paths: ['/poison/1'] })).toContain(
      'not one of the sites',
    );
    expect(await refused({ form: 'ttl', pattern: '/private/', paths: ['/private/1'] })).toContain(
      'another answer with a cookie',
    );
    expect(await refused({ form: 'ttl', pattern: '/page', paths: ['/page1'] })).toContain(
      'got 200, not a permanent redirect',
    );
    expect(await refused({ form: 'ttl', pattern: '/legacy/' })).toContain('No URL under the pattern');
    expect(await refused({ form: 'ttl', pattern: '/cart/' })).toContain('must bypass the cache');
    expect(await refused({ form: 'not-found', pattern: '/legacy/', paths: ['/legacy/1'] })).toContain(
      'not 404',
    );
    expect(await refused({ form: 'ttl', pattern: '/legacy/"; }' })).toContain('plain path');
    urls.push({ path: '/legacy/page', statuses: { '200': 3 } });
    expect(await refused({ form: 'ttl', pattern: '/legacy/', paths: ['/legacy/1'] })).toContain(
      '/legacy/page gave a page',
    );
  });

  test('a VCL that was changed between proposal and approval voids the plan', {
    timeout: 60_000,
  }, async () => {
    const made = await guard.propose(
      incident,
      wish({ form: 'ttl', pattern: '/legacy/', paths: ['/legacy/1'] }),
    );
    if ('refused' in made) throw new Error(made.refused);
    await VarnishCli.use(here, varnish, AbortSignal.timeout(10_000), async (cli) => {
      await cli.run('vcl.inline', 'deploy', `${bootVcl(app.port)}# newer\n`);
      await cli.run('vcl.use', 'deploy');
    });
    await waitFor('its backend', async () => (await get('/legacy/1')).status === 301);
    await guard.approve(made.id, made.planHash, as('ada'));
    await guard.idle();
    expect(guard.proposal(made.id)).toMatchObject({
      state: 'void',
      outcome: expect.stringContaining('changed since'),
    });
    await toBoot();
  });
});
