import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Delivery } from '../../../src/bot/deliver.ts';
import type { PlatformPort } from '../../../src/bot/platform.ts';
import { chat, outbox } from '../../../src/checks/self/checks.ts';
import { HealthBoard } from '../../../src/health/health.ts';
import { History } from '../../../src/history/history.ts';
import { writePost } from '../../../src/store/outbox.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { inputOf, stackOf } from '../../checks/varnish/judge.ts';
import { postOf, warroomOnSlack, words } from './support.ts';

/** What a person reads of a platform that is cut off, and what becomes of the messages meanwhile. */
let face: Awaited<ReturnType<typeof warroomOnSlack>>;
let store: Store;
let delivery: Delivery;
let health: HealthBoard;
let ahead = 0;
let calls = 0;
const now = () => Date.now() + ahead;

beforeEach(async () => {
  ahead = 0;
  face = await warroomOnSlack({ start: false });
  store = openStore(':memory:');
  health = new HealthBoard(now);
  const { port } = face;
  const counted: PlatformPort = {
    ...{ platform: port.platform, place: port.place, pace: port.pace },
    send: (...one) => counting(() => port.send(...one)),
    edit: (...one) => counting(() => port.edit(...one)),
    // A post of unknown outcome is looked for before it is sent again.
    find: (...one) => counting(() => port.find(...one)),
  };
  delivery = new Delivery({
    store,
    port: counted,
    health,
    log: pino({ level: 'silent' }),
    now,
    editEachMs: 0,
  });
  await delivery.start();
});
afterEach(async () => {
  await delivery.stop();
  await store.close();
  await face.stop();
});

function counting<T>(call: () => Promise<T>): Promise<T> {
  calls += 1;
  return call();
}

async function write(...texts: readonly string[]): Promise<void> {
  for (const [i, text] of texts.entries())
    await store.db
      .transaction()
      .execute((tx) =>
        writePost(
          tx,
          postOf(words(text), i === 0 ? { id: 'i12' } : { id: `r${text}`, role: 'reply' }),
          ['slack'],
          1,
        ),
      );
  delivery.wake();
}

function judged(check: typeof chat | typeof outbox) {
  const input = inputOf(stackOf({}), 'self', new History(now), now(), [
    ...health.of('chat'),
    ...health.of('outbox'),
  ]);
  return (check as typeof chat).judge({ ...input, thresholds: chat.thresholds.parse({}) });
}

async function waitsFor(mend: RegExp): Promise<void> {
  await expect.poll(() => health.of('chat')[0]?.mend, { timeout: 30_000 }).toMatch(mend);
  ahead += 30_000;
  expect(judged(chat)).toMatchObject([
    { level: 'critical', subject: 'slack', advice: expect.stringMatching(mend) },
  ]);
}

async function deliveredInOrder(...texts: readonly string[]): Promise<void> {
  const shown = () => face.slack.world.launch.messages.map(({ text }) => text);
  await expect
    .poll(
      () => {
        ahead += 5_000;
        delivery.wake();
        return shown().length;
      },
      { timeout: 30_000 },
    )
    .toBe(texts.length);
  expect(shown()).toEqual(texts);
  await expect.poll(() => health.of('chat')[0]?.state).toBe('ok');
  expect(judged(chat)).toMatchObject([{ level: 'ok' }]);
}

const LINES = ['head', 'one', 'two', 'three'];

it('an archived channel is said with its mend; everything follows in order, once, when it is open again', async () => {
  const { launch } = face.slack.world;
  launch.archived = true;
  await write(...LINES);
  await waitsFor(/archive/i);
  launch.archived = false;
  await deliveredInOrder(...LINES);
});

it('a bot that is not in the channel is said with the invitation', async () => {
  const { launch, bot } = face.slack.world;
  launch.members.delete(bot.user);
  await write(...LINES);
  await waitsFor(/\/invite/);
  launch.members.add(bot.user);
  await deliveredInOrder(...LINES);
});

it('a revoked token is said with where to get another', async () => {
  face.slack.world.botTokenProblem = 'token_revoked';
  await write(...LINES);
  await waitsFor(/token/i);
  face.slack.world.botTokenProblem = undefined;
  await deliveredInOrder(...LINES);
});

it('ten minutes without Slack: nothing is given up, late messages are said, all follow in order, once', async () => {
  await face.slack.stop();
  await write(...LINES);
  await expect.poll(() => health.of('chat')[0]?.state, { timeout: 30_000 }).not.toBe('ok');
  const from = now();
  while (now() - from < 600_000) {
    const before = calls;
    const tried = () => {
      ahead += 15_000;
      delivery.wake();
      return calls;
    };
    await expect.poll(tried, { timeout: 30_000, interval: 5 }).toBeGreaterThan(before);
  }
  expect(judged(chat)).toMatchObject([{ level: 'critical', subject: 'slack' }]);
  expect(judged(outbox)[0]).toMatchObject({ level: 'warn', summary: expect.stringContaining('slack wait') });
  await face.slack.start();
  await deliveredInOrder(...LINES);
}, 60_000);
