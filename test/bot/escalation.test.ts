import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { IncidentJson } from '../../src/bot/contract.ts';
import { dueEscalations } from '../../src/bot/escalation.ts';
import { Escalator } from '../../src/bot/escalator.ts';
import { Config } from '../../src/config/schema.ts';
import { Secret } from '../../src/config/secret.ts';
import { HealthBoard } from '../../src/health/health.ts';
import type { Publish } from '../../src/remediations/contract.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { incident, proposal } from './shapes.ts';

const MINUTE = 60_000;
const config = Config.parse({
  escalate: [
    { after: '3m', mention: '@oncall' },
    { after: '8m', webhook: { env: 'PAGER_URL' } },
  ],
});

const due = (one: IncidentJson, now: number, told: readonly string[] = []) =>
  dueEscalations([one], config, now, new Set(told));

describe('what nobody answered', () => {
  it('is said by the steps of the config, each once', () => {
    const critical = incident({ since: 0 });
    expect(due(critical, 2 * MINUTE)).toEqual([]);
    expect(due(critical, 3 * MINUTE)).toMatchObject([
      { key: 'untaken:12:0', incident: 12, mention: '@oncall' },
    ]);
    expect(due(critical, 9 * MINUTE, ['untaken:12:0'])).toMatchObject([{ key: 'untaken:12:1', webhook: 1 }]);
    expect(due(critical, 9 * MINUTE, ['untaken:12:0', 'untaken:12:1'])).toEqual([]);
  });

  it('is not said of what somebody has, of warnings, or of what is over', () => {
    for (const other of [
      { owner: 'ada', state: 'acknowledged' as const },
      { level: 'warn' as const },
      { resolvedAt: 5 },
    ])
      expect(due(incident({ since: 0, ...other }), 60 * MINUTE)).toEqual([]);
  });

  it('covers proposals that wait, without a mention where nothing is critical', () => {
    const waits = proposal({ expiresAt: 15 * MINUTE });
    const warn = incident({ level: 'warn', since: 0, proposals: [waits] });
    const [first] = due(warn, 4 * MINUTE);
    expect(first).toMatchObject({ key: 'waits:12-A:0' });
    expect(first).not.toHaveProperty('mention');
    const critical = incident({ owner: 'ada', state: 'acknowledged', since: 0, proposals: [waits] });
    expect(due(critical, 4 * MINUTE)).toMatchObject([{ key: 'waits:12-A:0', mention: '@oncall' }]);
  });

  it('reminds once before a proposal expires', () => {
    const one = incident({ level: 'warn', since: 0, proposals: [proposal({ expiresAt: 15 * MINUTE })] });
    const told = ['waits:12-A:0', 'waits:12-A:1'];
    expect(due(one, 10 * MINUTE, told)).toEqual([]);
    expect(due(one, 12 * MINUTE, told)).toMatchObject([
      { key: 'expires:12-A', what: expect.stringContaining('expires in 3 min: 0 of 1 approvers') },
    ]);
    expect(due(one, 12 * MINUTE, [...told, 'expires:12-A'])).toEqual([]);
    expect(due(one, 15 * MINUTE, told)).toEqual([]);
  });
});

describe('the escalator', () => {
  const open: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of open.splice(0).reverse()) await stop();
  });

  function make(store: Store, answers: number[], calls: { url: string; body: unknown }[]) {
    const said: Parameters<Publish>[1][] = [];
    const health = new HealthBoard();
    const escalator = new Escalator({
      ...{ store, health, log: pino({ level: 'silent' }) },
      config: () => config,
      incidents: () => [incident({ since: 0 })],
      publish: async (_tx, change) => void said.push(change),
      webhook: () => new Secret('http://pager.example/hook?token=tops3cret'),
      now: () => 9 * MINUTE,
      fetch: (async (url: string, init: { body: string }) => {
        calls.push({ url, body: JSON.parse(init.body) });
        return new Response(null, { status: answers.shift() ?? 200 });
      }) as unknown as typeof fetch,
    });
    open.push(() => escalator.stop());
    return { escalator, said, health };
  }

  it('mentions and calls once, also after a restart, and tries a call again', async () => {
    const store = openStore(':memory:');
    open.push(() => store.close());
    const calls: { url: string; body: unknown }[] = [];
    const first = make(store, [503], calls);
    await first.escalator.load();
    first.escalator.tick();
    await expect.poll(() => calls.length, { timeout: 30_000 }).toBe(2);
    expect(first.said.map(({ mentions }) => mentions)).toEqual([['@oncall'], undefined]);
    expect(calls[1]?.body).toMatchObject({ incident: 12, key: 'untaken:12:1' });
    expect(first.health.of('chat')).toMatchObject([{ part: 'chat:webhook/2', state: 'ok' }]);
    const second = make(store, [], calls);
    await second.escalator.load();
    second.escalator.tick();
    await second.escalator.stop();
    expect(second.said).toEqual([]);
    expect(calls).toHaveLength(2);
  });
});
