import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Delivery } from '../../../src/bot/deliver.ts';
import type { PlatformPort } from '../../../src/bot/platform.ts';
import { HealthBoard } from '../../../src/health/health.ts';
import { type Post, writePost } from '../../../src/store/outbox.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import type { Misdeed } from './stand-in/index.ts';
import { postOf, warroomOnSlack, words } from './support.ts';

type Face = Awaited<ReturnType<typeof warroomOnSlack>>;
let face: Face;
let store: Store;
let delivery: Delivery;
const health = new HealthBoard();

beforeEach(async () => {
  face = await warroomOnSlack({ start: false });
  store = openStore(':memory:');
  delivery = await delivering();
});
afterEach(async () => {
  await delivery.stop();
  await store.close();
  await face.stop();
});

async function delivering(): Promise<Delivery> {
  const { port } = face;
  // The stand-in takes as many as come.
  const quick: PlatformPort = {
    platform: port.platform,
    place: port.place,
    pace: { burst: 1_000, everyMs: 1 },
    send: (...one) => port.send(...one),
    edit: (...one) => port.edit(...one),
    find: (...one) => port.find(...one),
  };
  const log = pino({ level: 'silent' });
  const one = new Delivery({ store, port: quick, health, log, now: Date.now, editEachMs: 0 });
  await one.start();
  return one;
}

async function write(post: Post): Promise<void> {
  await store.db.transaction().execute((tx) => writePost(tx, post, ['slack'], 1));
  delivery.wake();
}

async function drained(): Promise<void> {
  const left = () =>
    store.db
      .selectFrom('outbox')
      .select('id')
      .where('state', 'in', ['queued', 'sending', 'uncertain'])
      .execute();
  await expect.poll(async () => (await left()).length, { timeout: 60_000, interval: 20 }).toBe(0);
}

it('each post is there exactly once, in its thread and in order, whatever goes wrong with the calls', async () => {
  const moods: readonly Misdeed[] = [
    { kind: 'processed-then-reset' },
    { kind: 'lost' },
    { kind: 'status', status: 503 },
    { kind: 'rate-limit', retryAfter: 1 },
    { kind: 'error', error: 'internal_error' },
  ];
  let calls = 0;
  face.slack.rules.mood = (method) => {
    if (!/^(chat|conversations)\./.test(method)) return undefined;
    calls += 1;
    return calls % 4 === 0 ? moods[(calls / 4) % moods.length] : undefined;
  };
  await write(postOf(words('head'), { id: 'i12' }));
  for (let i = 0; i < 30; i += 1) await write(postOf(words(`line ${i}`), { id: `r${i}`, role: 'reply' }));
  await write(postOf(words('head, resolved'), { id: 'i12', version: 2, editedAt: Date.now() }));
  await drained();
  const [head, ...replies] = face.slack.world.launch.messages;
  expect(head?.text).toBe('head, resolved');
  expect(replies.map(({ text }) => text)).toEqual(Array.from({ length: 30 }, (_, i) => `line ${i}`));
  expect(replies.every(({ thread_ts }) => thread_ts === head?.ts)).toBe(true);
  expect([...face.slack.world.postCopies().values()].every((copies) => copies === 1)).toBe(true);
}, 90_000);

it('what a killed bot had on its way is looked for, not posted again', async () => {
  await delivery.stop();
  for (let i = 0; i < 3; i += 1)
    await write(postOf(words(`note ${i}`), { id: `n${i}`, incident: null, role: 'note' }));
  const rows = await store.db.selectFrom('outbox').selectAll().orderBy('id').execute();
  const first = rows[0];
  if (!first) throw new Error('no row');
  // Sent, and killed before the platform's id was stored.
  await face.port.send(
    postOf(words('note 0'), { id: 'n0', incident: null, role: 'note' }),
    first.id,
    undefined,
  );
  await store.db.updateTable('outbox').set({ state: 'sending' }).where('id', '=', first.id).execute();
  delivery = await delivering();
  await drained();
  expect(face.slack.world.launch.messages.map(({ text }) => text)).toEqual(['note 0', 'note 1', 'note 2']);
});

it('waits while the bot is not in the channel, says so, and delivers all once it is invited', async () => {
  const { launch, bot } = face.slack.world;
  launch.members.delete(bot.user);
  await write(postOf(words('head'), { id: 'i12' }));
  await expect.poll(() => health.of('chat')[0]?.mend, { timeout: 30_000 }).toContain('/invite @warroom');
  launch.members.add(bot.user);
  await drained();
  expect(launch.messages).toHaveLength(1);
});
