import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fixes } from '../../src/checks/self/checks.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { HealthBoard } from '../../src/health/health.ts';
import { History } from '../../src/history/history.ts';
import { defineStep, type Plan, type ProposalState, type Step } from '../../src/remediations/contract.ts';
import { Guard } from '../../src/remediations/guard.ts';
import { REMEDIATIONS, STEP_TYPES } from '../../src/remediations/index.ts';
import { KeptFixes } from '../../src/remediations/kept-fixes.ts';
import type { Ledger } from '../../src/remediations/ledger.ts';
import type { Proposal } from '../../src/remediations/record.ts';
import { openStore } from '../../src/store/store.ts';
import { askHaproxyOnce } from '../../src/targets/haproxy-socket.ts';
import { LocalTarget } from '../../src/targets/local.ts';
import { VarnishCli } from '../../src/targets/varnish-cli.ts';
import { inputOf } from '../checks/varnish/judge.ts';
import { missingOf } from '../installed.ts';
import {
  bootVcl,
  type Daemons,
  daemons,
  HAPROXY,
  type TestApp,
  type TestHaproxy,
  type TestVarnish,
  testApp,
  testHaproxy,
  testVarnish,
  VARNISHD,
} from './daemons.ts';
import { as, localTargets, PEOPLE, saidHistory, seenWith, silent } from './doubles.ts';

const gone = missingOf([VARNISHD, HAPROXY]);

describe.skipIf(gone)(`a fix that was kept${gone ? ` (${gone})` : ''}`, () => {
  const store = openStore(':memory:');
  const health = new HealthBoard();
  const here = new LocalTarget('here', 'acting');
  let helped = false;
  let at: Daemons;
  let apps: TestApp[];
  let varnish: TestVarnish;
  let balancer: TestHaproxy;
  let stack: Stack;
  let guard: Guard;

  beforeAll(async () => {
    at = await daemons();
    apps = [await testApp(), await testApp()];
    balancer = await testHaproxy(at, { app1: (apps[0] as TestApp).port });
    varnish = await testVarnish(at, bootVcl((apps[0] as TestApp).port));
    const config = Config.parse({
      act: { user: 'acting' },
      hosts: { here: { local: true }, app1: { local: true }, app2: { address: '127.0.0.1' } },
      services: {
        edge: {
          ...{
            kind: 'varnish',
            on: 'here',
            url: 'http://www.example.com',
            before: 'balancer',
            file: varnish.file,
          },
          ...{ address: `127.0.0.1:${varnish.port}`, cli: varnish.cli, secret: varnish.secret },
        },
        balancer: { kind: 'haproxy', on: 'here', socket: balancer.socket, backend: 'shop', before: 'app' },
        app: { kind: 'uwsgi', on: 'app1', spares: ['app2'], port: (apps[1] as TestApp).port },
      },
      people: PEOPLE,
    });
    stack = new Stack(config);
    const figures: Record<string, number> = {
      ...{ 'visitors.requests': 50, 'uwsgi.workers': 2, 'uwsgi.busy_workers': 2, 'uwsgi.listen_queue': 3 },
      ...{ 'haproxy.requests': 50 },
    };
    const history = saidHistory(
      Date.now,
      (metric) => figures[metric] ?? (metric === 'uwsgi.requests' ? (helped ? 80 : 40) : helped ? 1 : 40),
    );
    guard = new Guard({
      ...{
        store,
        stack,
        config: () => config,
        targets: localTargets(stack),
        now: Date.now,
        log: silent,
        health,
      },
      seen: seenWith(history, { edge: { log: { urls: [] } } }),
      publish: async () => undefined,
      onChange: () => undefined,
      remediations: REMEDIATIONS,
      stepTypes: STEP_TYPES,
      at: (point) => {
        helped = point === 'settling';
      },
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / 100)),
    });
  }, 60_000);
  afterAll(async () => {
    await guard?.stop();
    here.close();
    await at?.stop();
    for (const app of apps ?? []) await app.close();
    await store.close();
  });

  async function kept(incident: number, remediation: string, params: object): Promise<string> {
    const made = await guard.propose(incident, { remediation, params: { ...params }, effect: 'cure' });
    if ('refused' in made) throw new Error(made.refused);
    await guard.approve(made.id, made.planHash, as('ada'));
    await guard.idle();
    const done = guard.proposal(made.id);
    expect(`${done?.state}: ${done?.outcome}`).toMatch(/^kept/);
    return made.id;
  }

  async function judged() {
    await guard.lookAtKept();
    const input = inputOf(stack, 'self', new History(), Date.now(), health.of('fixes'));
    return fixes.judge({ ...input, thresholds: fixes.thresholds.parse({}) });
  }

  const rule = { service: 'edge', form: 'ttl', pattern: '/legacy/', paths: ['/legacy/1', '/legacy/2'] };

  test('in Varnish is missed after a restart, with the command and the lines that bring it back', async () => {
    expect(await judged()).toMatchObject([{ level: 'ok', summary: 'No fix lives at run time alone.' }]);
    const id = await kept(1, 'cache-rule', rule);
    expect(await judged()).toMatchObject([{ level: 'ok' }]);
    // A rule built upon it keeps it in force under another name.
    await kept(2, 'cache-rule', {
      service: 'edge',
      form: 'not-found',
      pattern: '/gone/',
      paths: ['/gone/1'],
    });
    expect(await judged()).toMatchObject([{ level: 'ok' }]);

    await varnish.restart();
    const [first, second] = [...(await judged())].sort((a, b) =>
      (a.subject ?? '').localeCompare(b.subject ?? ''),
    );
    expect(second).toMatchObject({ level: 'warn', subject: '2-A' });
    expect(first).toMatchObject({ level: 'warn', subject: id });
    expect(first?.summary).toContain(
      `${id} (Keep /legacy/* redirects in Varnish for a year) is not in force`,
    );
    expect(first?.advice).toBe(
      'Propose it again:  /launch fix cache-rule service=edge form=ttl pattern=/legacy/ seconds=60 synthetic=false',
    );
    const patch = guard.proposal(id)?.patch;
    expect(first?.evidence).toEqual([
      { kind: 'note', text: `For good, in ${varnish.file}:\n${patch?.text}` },
    ]);

    // One is proposed again, the other written into the file: both are in force.
    await kept(3, 'cache-rule', rule);
    expect(await judged()).toMatchObject([{ level: 'warn', subject: '2-A' }]);
    const words = guard.proposal('2-A')?.patch?.text ?? '';
    const own = await readFile(varnish.file, 'utf8');
    await writeFile(varnish.file, own.replace('vcl 4.1;', `vcl 4.1;\n${words}`));
    await varnish.restart();
    expect((await judged()).map((one) => one.subject).sort()).toEqual(['1-A', '3-A']);
    await kept(4, 'cache-rule', rule);
    expect(await judged()).toMatchObject([{ level: 'ok' }]);
  }, 60_000);

  test('that cannot be looked at is as it was', async () => {
    const cli = (words: string[]) =>
      VarnishCli.use(here, varnish, AbortSignal.timeout(5000), (one) =>
        one.run(words[0] as string, ...words.slice(1)),
      );
    await cli(['vcl.use', 'boot']);
    expect((await judged()).filter((one) => one.level === 'warn')).not.toHaveLength(0);
    const before = health.of('fixes');
    await cli(['param.set', 'cli_limit', '512']);
    await judged();
    expect(health.of('fixes')).toEqual(before);
    await cli(['param.set', 'cli_limit', '48k']);
  }, 30_000);

  test('in HAProxy is missed when the server is gone, not while it is in maintenance', async () => {
    const own = async () => (await judged()).find((one) => one.subject?.startsWith('5-'));
    const id = await kept(5, 'add-app-server', { service: 'app' });
    expect(await own()).toBeUndefined();
    const ask = (command: string) =>
      askHaproxyOnce(here, balancer.socket, command, AbortSignal.timeout(5000));
    const name = /shop\/(wr_5a_app2)/.exec(
      guard
        .proposal(id)
        ?.steps.map((one) => one.command)
        .join(' ') ?? '',
    )?.[1];
    // What a reload does to it.
    await ask(`set server shop/${name} state maint`);
    expect(await own()).toBeUndefined();
    await expect
      .poll(async () => (await ask(`del server shop/${name}`)).trim(), { timeout: 30_000 })
      .toMatch(/deleted|No such server/);
    expect(await own()).toMatchObject({ level: 'warn', subject: id });
    expect((await own())?.advice).toBe('Propose it again:  /launch fix add-app-server service=app');
  }, 60_000);
});

describe('which kept fixes are looked for', () => {
  const step = (type: string, server: string) => ({
    ...{ type, version: 1, target: 'lb1' },
    args: { service: 'balancer', backend: 'shop', server, address: '10.0.0.4', port: 8000 },
  });
  const proposal = (id: string, state: ProposalState, endedAt: number, ...steps: Step[]): Proposal => ({
    ...{ state, fence: 1, approvals: [] },
    record: {
      ...{ id, incident: 1, remediation: 'x', params: {}, same: '', askers: [], planHash: '', createdAt: 0 },
      ...{
        expiresAt: 0,
        approvedAt: 0,
        startedAt: 0,
        endedAt,
        decideBy: null,
        steps: [],
        verify: [],
        outcome: '',
      },
      plan: { title: id, steps } as unknown as Plan,
    },
  });
  const absent = (type: string) =>
    defineStep<object>({
      ...{ type, version: 1, args: z.looseObject({}), timeoutMs: 1000 },
      describe: () => ({ command: '', undo: null }),
      apply: async () => undefined,
      look: async () => 'absent',
      ...(type === 'haproxy.add-server' ? { inForce: async () => 'absent' as const } : {}),
    });
  const told = async (...all: Proposal[]) => {
    const health = new HealthBoard();
    const kept = new KeptFixes(
      {
        ...{ ledger: { all: () => all } as unknown as Ledger, targets: localTargets(empty), stack: empty },
        ...{ stepTypes: ['haproxy.add-server', 'haproxy.remove'].map(absent), log: silent },
      },
      health,
    );
    await kept.look();
    return health.of('fixes').map((part) => `${part.part} ${part.state}`);
  };
  const empty = new Stack(Config.parse({}));
  const added = step('haproxy.add-server', 'wr_1a_app4');

  test('those in state kept, and not what was given back since', async () => {
    const state = async (one: ProposalState) => told(proposal('1-A', one, 10, added));
    for (const one of ['reverted', 'failed', 'needs-human', 'settling'] as const)
      expect(await state(one)).toEqual([]);
    expect(await state('kept')).toEqual(['fixes:1-A down']);
    const back = step('haproxy.remove', 'wr_1a_app4');
    expect(await told(proposal('1-A', 'kept', 10, added), proposal('1-B', 'kept', 20, back))).toEqual([]);
    expect(await told(proposal('1-A', 'kept', 10, added), proposal('0-B', 'kept', 5, back))).toHaveLength(1);
    expect(await told(proposal('1-A', 'kept', 10, { ...added, version: 99 }))).toEqual([]);
  });
});
