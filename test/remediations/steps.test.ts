import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { sha256 } from '../../src/remediations/canonical.ts';
import type { AnyStepType, StepContext } from '../../src/remediations/contract.ts';
import { STEP_TYPES } from '../../src/remediations/steps/index.ts';
import { compose } from '../../src/remediations/vcl-text.ts';
import type { Targets } from '../../src/targets/contract.ts';
import { askHaproxyOnce } from '../../src/targets/haproxy-socket.ts';
import { VarnishCli } from '../../src/targets/varnish-cli.ts';
import { missingOf } from '../installed.ts';
import {
  bootVcl,
  type Daemons,
  daemons,
  HAPROXY,
  type TestApp,
  testApp,
  testHaproxy,
  testVarnish,
  VARNISHD,
} from './daemons.ts';
import { localTargets } from './doubles.ts';

const gone = missingOf([VARNISHD, HAPROXY]);
let at: Daemons;
let apps: TestApp[];
let stack: Stack;
let targets: Targets;
let edge: { port: number; cli: string; secret: string };
let balancer: { port: number; socket: string };

beforeAll(async () => {
  if (gone) return;
  at = await daemons();
  apps = [await testApp(), await testApp()];
  balancer = await testHaproxy(at, { app1: (apps[0] as TestApp).port });
  edge = await testVarnish(at, bootVcl(balancer.port));
  stack = new Stack(
    Config.parse({
      act: { user: 'acting' },
      hosts: { here: { local: true } },
      services: {
        edge: {
          kind: 'varnish',
          on: 'here',
          url: 'http://www.example.com',
          cli: edge.cli,
          secret: edge.secret,
        },
        balancer: { kind: 'haproxy', on: 'here', socket: balancer.socket, backend: 'shop' },
      },
    }),
  );
  targets = localTargets(stack);
}, 60_000);

afterAll(async () => {
  await at?.stop();
  for (const app of apps ?? []) await app.close();
  await targets?.close();
});

const context = (ms = 40_000): StepContext => ({
  targets,
  stack,
  host: 'here',
  signal: AbortSignal.timeout(ms),
});

const FRONT = 'sub vcl_deliver { set resp.http.X-Test = "new"; }';

/** What each type of step needs before it, and its arguments. */
const CASES: Record<string, () => Promise<{ args: unknown; tidy?: () => Promise<void> }>> = {
  'varnish.load': async () => ({ args: await loadArgs('wr_1a') }),
  'varnish.use': async () => {
    const load = step('varnish.load');
    const args = await loadArgs('wr_2a');
    await load.apply(args, context());
    return {
      args: { service: 'edge', name: 'wr_2a', old: 'boot', marker: 'X-Warroom-2a' },
      tidy: async () => load.revert?.(args, context()),
    };
  },
  'http.healthy': async () => ({
    args: { address: '127.0.0.1', port: (apps[1] as TestApp).port, path: '/health', host: 'x' },
  }),
  'haproxy.add-server': async () => ({ args: server('wr_3a_app2') }),
  'haproxy.drain': async () => {
    await step('haproxy.add-server').apply(server('wr_4a_app2'), context());
    return {
      args: { service: 'balancer', backend: 'shop', server: 'wr_4a_app2' },
      tidy: async () => step('haproxy.add-server').revert?.(server('wr_4a_app2'), context()),
    };
  },
  'haproxy.remove': async () => {
    await step('haproxy.add-server').apply(server('wr_5a_app2'), context());
    const drain = { service: 'balancer', backend: 'shop', server: 'wr_5a_app2' };
    await step('haproxy.drain').apply(drain, context());
    return {
      args: { ...server('wr_5a_app2'), delete: true },
      tidy: async () => step('haproxy.add-server').revert?.(server('wr_5a_app2'), context()),
    };
  },
};

function step(type: string): AnyStepType {
  return STEP_TYPES.find((one) => one.type === type) as AnyStepType;
}

function server(name: string) {
  return {
    service: 'balancer',
    backend: 'shop',
    server: name,
    address: '127.0.0.1',
    port: (apps[1] as TestApp).port,
    weight: 1,
    maxconn: 20,
  };
}

async function loadArgs(name: string) {
  const base = await cli((one) => one.run('vcl.show', 'boot'));
  const rules = { front: FRONT, tail: '' };
  const source = compose(base, rules) as string;
  return { service: 'edge', name, base: 'boot', baseSha: sha256(base), ...rules, sourceSha: sha256(source) };
}

function cli<T>(work: (one: VarnishCli) => Promise<T>): Promise<T> {
  return VarnishCli.use(targets.reading('here'), edge, AbortSignal.timeout(10_000), work);
}

function header(port: number, name: string, path = '/'): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(`${answer.statusCode} ${String(answer.headers[name])}`));
    })
      .on('error', reject)
      .end();
  });
}

describe.skipIf(gone)(`every type of step on real servers${gone ? ` (${gone})` : ''}`, () => {
  test('has a case here', () => {
    expect(Object.keys(CASES).sort()).toEqual(STEP_TYPES.map((one) => one.type).sort());
  });

  for (const type of STEP_TYPES)
    test(`${type.type}: apply, look, apply again, revert, look, revert again, apply`, {
      timeout: 60_000,
    }, async () => {
      const made = await (CASES[type.type] as (typeof CASES)[string])();
      const args = type.args.parse(made.args);
      expect(type.describe(args).command).not.toBe('');
      if (type.revert) expect(await type.look(args, context())).toBe('absent');
      await type.apply(args, context());
      expect(await type.look(args, context())).toBe('present');
      await type.apply(args, context());
      expect(await type.look(args, context())).toBe('present');
      if (type.revert) {
        await type.revert(args, context());
        expect(await type.look(args, context())).toBe('absent');
        await type.revert(args, context());
        expect(await type.look(args, context())).toBe('absent');
        await type.apply(args, context());
        expect(await type.look(args, context())).toBe('present');
        await type.revert(args, context());
      }
      await made.tidy?.();
    });

  test('a new VCL is in use at once, with healthy backends and without one 503', {
    timeout: 60_000,
  }, async () => {
    const args = await loadArgs('wr_6a');
    const use = { service: 'edge', name: 'wr_6a', old: 'boot', marker: 'X-Warroom-6a' };
    await step('varnish.load').apply(args, context());
    expect(await header(edge.port, 'x-test')).toBe('200 undefined');
    await step('varnish.use').apply(use, context());
    expect(await header(edge.port, 'x-test', '/fresh')).toBe('200 new');
    await step('varnish.use').revert?.(use, context());
    expect(await header(edge.port, 'x-test', '/fresher')).toBe('200 undefined');
    await step('varnish.load').revert?.(args, context());
  });

  test('a VCL of that name that is not ours is neither used nor discarded', async () => {
    const args = await loadArgs('wr_7a');
    await cli((one) => one.run('vcl.inline', 'wr_7a', 'vcl 4.1; backend none none;'));
    expect(await step('varnish.load').look(args, context())).toBe('unknown');
    await expect(step('varnish.load').apply(args, context())).rejects.toThrow(/not ours/);
  });

  test('a base that changed since the plan is not built upon', async () => {
    const args = { ...(await loadArgs('wr_8a')), baseSha: '0'.repeat(64) };
    await expect(step('varnish.load').apply(args, context())).rejects.toThrow(/not the VCL any more/);
    expect(await step('varnish.load').look(args, context())).toBe('absent');
  });

  test('varnishd’s own words come along when the lines do not compile', async () => {
    const base = await cli((one) => one.run('vcl.show', 'boot'));
    const rules = { front: 'sub vcl_recv { nonsense; }', tail: '' };
    const sourceSha = sha256(compose(base, rules) as string);
    const args = { service: 'edge', name: 'wr_9a', base: 'boot', baseSha: sha256(base), ...rules, sourceSha };
    await expect(step('varnish.load').apply(args, context())).rejects.toThrow(/nonsense/);
  });

  test('a VCL that somebody else put into use is left alone by the revert', async () => {
    const use = { service: 'edge', name: 'wr_10a', old: 'earlier', marker: 'X-Warroom-10a' };
    expect(await step('varnish.use').look(use, context())).toBe('unknown');
    await expect(step('varnish.use').apply(use, context())).rejects.toThrow(/boot is in use now/);
    await expect(step('varnish.use').revert?.(use, context())).rejects.toThrow(/left alone/);
  });

  test('a server of that name with another address is left alone', async () => {
    const args = { ...server('app1'), port: 1 };
    expect(await step('haproxy.add-server').look(args, context())).toBe('unknown');
    await expect(step('haproxy.add-server').apply(args, context())).rejects.toThrow(/there already/);
    await expect(step('haproxy.add-server').revert?.(args, context())).rejects.toThrow(/there already/);
    expect(await ask('show servers state shop')).toContain(' app1 ');
  });

  test('an added server gets requests; a removed one loses none', { timeout: 60_000 }, async () => {
    const args = server('wr_11a_app2');
    await step('haproxy.add-server').apply(args, context());
    const before = apps[1]?.seen.get('/load') ?? 0;
    const load = { failed: 0, on: true };
    const running = (async () => {
      while (load.on) if (!(await header(balancer.port, 'x', '/load'))?.startsWith('200')) load.failed += 1;
    })();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(apps[1]?.seen.get('/load') ?? 0).toBeGreaterThan(before);
    const drain = { service: 'balancer', backend: 'shop', server: 'wr_11a_app2' };
    await step('haproxy.drain').apply(drain, context());
    await step('haproxy.remove').apply({ ...args, delete: true }, context());
    load.on = false;
    await running;
    expect(load.failed).toBe(0);
    expect(await ask('show servers state shop')).not.toContain('wr_11a_app2');
  });

  test('a deadline ends a step', async () => {
    const args = { ...server('wr_12a_app2'), port: 1 };
    await expect(step('haproxy.add-server').apply(args, context(1500))).rejects.toThrow();
    expect(await step('haproxy.add-server').look(args, context())).toBe('partial');
    await step('haproxy.add-server').revert?.(args, context());
    expect(await step('haproxy.add-server').look(args, context())).toBe('absent');
  });
});

function ask(command: string): Promise<string> {
  return askHaproxyOnce(targets.reading('here'), balancer.socket, command, AbortSignal.timeout(5000));
}
