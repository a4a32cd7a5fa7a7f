import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { Delivery, headId } from '../../src/bot/deliver.ts';
import { HealthBoard } from '../../src/health/health.ts';
import { writePost } from '../../src/store/outbox.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { type Mood, TestPlatform } from './test-platform.ts';

const log = pino({ level: 'silent' });
const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

function newStore(): Store {
  const store = openStore(':memory:');
  open.push({ stop: () => store.close() });
  return store;
}

async function delivering(store: Store, port: TestPlatform): Promise<Delivery> {
  const delivery = new Delivery({ store, port, health: new HealthBoard(), log, now: Date.now, idleMs: 2 });
  open.push(delivery);
  await delivery.start();
  return delivery;
}

function post(
  store: Store,
  id: string,
  incident: number | null,
  version: number,
  text: string,
  priority = 1,
): Promise<void> {
  const role = incident === null ? 'note' : id === headId(incident) ? 'head' : 'reply';
  return store.db
    .transaction()
    .execute((tx) =>
      writePost(
        tx,
        { id, incident, role, version, at: 1, editedAt: null, json: JSON.stringify(text) },
        ['test'],
        priority,
      ),
    );
}

async function drained(store: Store): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          await store.db
            .selectFrom('outbox')
            .select('id')
            .where('state', 'in', ['queued', 'sending', 'uncertain'])
            .execute()
        ).length,
      { timeout: 10_000, interval: 5 },
    )
    .toBe(0);
}

it('sends the head before its replies and the replies into its thread, whatever the platform does', async () => {
  const moods: Mood[] = ['drop', 'ambiguous-done', 'ambiguous-lost', 'slow', 'well'];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...moods), { maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      async (given, replies) => {
        const queue = [...given];
        const store = newStore();
        const platform = new TestPlatform(() => queue.shift() ?? 'well');
        await post(store, headId(1), 1, 1, 'head');
        for (let n = 1; n <= replies; n++) await post(store, `i1r${n}`, 1, 1, `reply ${n}`);
        await post(store, headId(1), 1, 2, 'head, edited');
        await delivering(store, platform);
        await drained(store);
        expect(platform.shown.map((one) => one.post).filter((id) => id !== headId(1))).toEqual(
          Array.from({ length: replies }, (_, n) => `i1r${n + 1}`),
        );
        const heads = platform.shown.filter((one) => one.post === headId(1));
        expect(heads.map((one) => JSON.parse(one.json))).toEqual(['head, edited']);
        expect(new Set(platform.shown.slice(1).map((one) => one.thread))).toEqual(new Set([heads[0]?.id]));
      },
    ),
    { numRuns: 25 },
  );
});

it('lets a critical thread overtake', async () => {
  const store = newStore();
  const platform = new TestPlatform();
  for (let n = 1; n <= 5; n++) await post(store, headId(n), n, 1, 'warn', 1);
  await post(store, headId(6), 6, 1, 'critical', 0);
  await delivering(store, platform);
  await drained(store);
  expect(platform.shown[0]?.post).toBe(headId(6));
});

it('coalesces edits of one message to the newest', async () => {
  const store = newStore();
  const platform = new TestPlatform();
  for (let version = 1; version <= 20; version++) await post(store, headId(1), 1, version, `v${version}`);
  await delivering(store, platform);
  await drained(store);
  expect(platform.calls).toEqual([`send ${headId(1)} v20`]);
});

it('looks for what a killed process may have sent before it sends again', async () => {
  const store = newStore();
  const platform = new TestPlatform();
  await post(store, headId(1), 1, 1, 'head');
  const { id } = await store.db.selectFrom('outbox').select('id').executeTakeFirstOrThrow();
  // What a kill -9 behind the platform's answer leaves: sent there, "sending" here.
  platform.shown.push({
    id: 'm0',
    thread: undefined,
    post: headId(1),
    outboxIds: [id],
    json: '"head"',
    version: 1,
  });
  await store.db.updateTable('outbox').set({ state: 'sending' }).execute();
  await delivering(store, platform);
  await drained(store);
  expect(platform.shown).toHaveLength(1);
  expect(platform.calls).toEqual([`edit ${headId(1)} v1`]);
});

it('gives up on what can never be sent, says so, and goes on with the rest', async () => {
  const store = newStore();
  const moods: Mood[] = ['gone'];
  const platform = new TestPlatform(() => moods.shift() ?? 'well');
  await post(store, headId(1), 1, 1, 'lost', 0);
  await post(store, headId(2), 2, 1, 'second');
  await delivering(store, platform);
  await drained(store);
  expect(platform.shown.map((one) => one.post)).toEqual([headId(2)]);
  const lost = await store.db
    .selectFrom('outbox')
    .selectAll()
    .where('post', '=', headId(1))
    .executeTakeFirstOrThrow();
  expect(lost).toMatchObject({ state: 'superseded', problem: 'channel is archived' });
});
