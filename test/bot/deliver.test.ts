import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
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
  const delivery = new Delivery({
    store,
    port,
    health: new HealthBoard(),
    log,
    now: Date.now,
    editEachMs: 0,
  });
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
  at = Date.now(),
): Promise<void> {
  const role = incident === null ? 'note' : id === headId(incident) ? 'head' : 'reply';
  return store.db
    .transaction()
    .execute((tx) =>
      writePost(
        tx,
        { id, incident, role, version, at, editedAt: null, json: JSON.stringify(text) },
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
      { timeout: 30_000, interval: 5 },
    )
    .toBe(0);
}

it('sends the head before its replies and the replies into its thread, whatever the platform does', async () => {
  const moods: Mood[] = ['drop', 'ambiguous-done', 'ambiguous-lost', 'slow', 'well', 'busy', 'blocked'];
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
  const moods: Mood[] = ['never'];
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
  expect(lost).toMatchObject({ state: 'superseded', problem: 'too long' });
});

it('keeps everything while a person must mend the channel, says how, and delivers it in order afterwards', async () => {
  const store = newStore();
  let mood: Mood = 'blocked';
  const platform = new TestPlatform(() => mood);
  const health = new HealthBoard();
  await post(store, headId(1), 1, 1, 'head');
  await post(store, 'i1r1', 1, 1, 'reply');
  const delivery = new Delivery({ store, port: platform, health, log, now: Date.now, editEachMs: 0 });
  open.push(delivery);
  await delivery.start();
  await expect.poll(() => platform.calls.length, { timeout: 30_000, interval: 5 }).toBeGreaterThan(3);
  expect(health.of('chat')).toMatchObject([{ state: 'down', mend: 'Unarchive it.' }]);
  mood = 'well';
  await drained(store);
  expect(platform.shown.map((one) => one.post)).toEqual([headId(1), 'i1r1']);
  expect(health.of('chat')).toMatchObject([{ state: 'ok' }]);
});

it('posts anew what somebody deleted, and what stood under it into the new thread', async () => {
  const store = newStore();
  const platform = new TestPlatform();
  await post(store, headId(1), 1, 1, 'head');
  const delivery = await delivering(store, platform);
  await drained(store);
  platform.remove('m1');
  await post(store, headId(1), 1, 2, 'head, edited');
  await post(store, 'i1r1', 1, 1, 'reply');
  delivery.wake();
  await drained(store);
  expect(platform.shown.map(({ id, post: of, thread }) => ({ id, of, thread }))).toContainEqual({
    id: platform.shown.find((one) => one.post === headId(1))?.id,
    of: headId(1),
    thread: undefined,
  });
  expect(platform.shown.filter((one) => one.post === headId(1))).toHaveLength(1);
  expect(platform.shown.filter((one) => one.post === 'i1r1')).toHaveLength(1);
});

it('sends the newest version when it was written while the row was being taken', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'warroom-outbox-'));
  const store = openStore(join(folder, 'warroom.db'));
  const beside = new Database(join(folder, 'warroom.db'));
  open.push({
    stop: async () => {
      beside.close();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  });
  const platform = new TestPlatform();
  await post(store, headId(1), 1, 1, 'old');
  let watching = false;
  // The clock is read between the look at the queue and the claim of its row.
  const now = () => {
    if (watching) {
      watching = false;
      beside.exec(`update posts set version = 2, json = '"new"' where version = 1`);
      beside.exec("update outbox set version = 2 where state = 'queued'");
    }
    return Date.now();
  };
  const delivery = new Delivery({ store, port: platform, health: new HealthBoard(), log, now });
  open.push(delivery);
  watching = true;
  await delivery.start();
  await drained(store);
  expect(platform.shown.map((one) => JSON.parse(one.json))).toEqual(['new']);
});

it('edits one message at most once in the time given, and replies do not wait for that', async () => {
  const store = newStore();
  const platform = new TestPlatform();
  let now = 1_000_000;
  const delivery = new Delivery({
    ...{ store, port: platform, health: new HealthBoard(), log },
    now: () => now,
    editEachMs: 2_000,
  });
  open.push(delivery);
  await post(store, headId(1), 1, 1, 'head', 1, now);
  await delivery.start();
  await drained(store);
  for (let version = 2; version <= 9; version++)
    await post(store, headId(1), 1, version, `v${version}`, 1, now);
  await post(store, 'i1r1', 1, 1, 'reply');
  delivery.wake();
  await expect.poll(() => platform.calls.at(-1), { timeout: 30_000, interval: 5 }).toBe('send i1r1 v1');
  now += 2_000;
  delivery.wake();
  await drained(store);
  expect(platform.calls).toEqual([`send ${headId(1)} v1`, 'send i1r1 v1', `edit ${headId(1)} v9`]);
});

it('forgets what another channel shows', async () => {
  const store = newStore();
  const first = new TestPlatform();
  await post(store, headId(1), 1, 1, 'head');
  await (await delivering(store, first)).stop();
  await drained(store).catch(() => undefined);
  const second = Object.assign(new TestPlatform(), { place: 'another' });
  await delivering(store, second);
  await post(store, headId(1), 1, 2, 'head');
  await drained(store);
  expect(second.calls).toEqual([`send ${headId(1)} v2`]);
});

it('pins the board once', async () => {
  const store = newStore();
  const platform = new TestPlatform();
  await post(store, 'board', null, 1, 'nothing');
  const delivery = await delivering(store, platform);
  await drained(store);
  await post(store, 'board', null, 2, 'one');
  delivery.wake();
  await drained(store);
  expect(platform.pinned).toEqual(['m1']);
});

it('edits an old head less often: its figures change with every round', async () => {
  const store = newStore();
  const platform = new TestPlatform();
  let now = 10_000_000;
  const delivery = new Delivery({
    ...{ store, port: platform, health: new HealthBoard(), log },
    now: () => now,
  });
  open.push(delivery);
  await post(store, headId(1), 1, 1, 'v1', 1, now - 3_600_000);
  await delivery.start();
  await drained(store);
  await post(store, headId(1), 1, 2, 'v2', 1, now - 3_600_000);
  await post(store, 'board', null, 1, 'board', 1, now);
  now += 14_000;
  delivery.wake();
  await expect.poll(() => platform.calls.at(-1), { timeout: 30_000, interval: 5 }).toBe('send board v1');
  now += 1_000;
  delivery.wake();
  await drained(store);
  expect(platform.calls.at(-1)).toBe(`edit ${headId(1)} v2`);
});
