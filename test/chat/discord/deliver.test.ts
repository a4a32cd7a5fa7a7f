import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Delivery, headId } from '../../../src/bot/deliver.ts';
import { HealthBoard } from '../../../src/health/health.ts';
import { writePost } from '../../../src/store/outbox.ts';
import { openStore } from '../../../src/store/store.ts';
import { bench, text, until } from './bench.ts';
import type { Misbehaviour } from './stand-in/rules.ts';

const BAD: Misbehaviour[] = [
  { kind: 'reset-after' },
  { kind: 'status', status: 502 },
  { kind: 'reset-before' },
  { kind: 'rate-limit', seconds: 0.05 },
  { kind: 'delay', ms: 40 },
  { kind: 'rate-limit', seconds: 0.05, global: true },
  { kind: 'reset-after' },
];

it('delivers everything once and in order through a Discord that misbehaves', async () => {
  const { discord, platform } = await bench();
  Object.defineProperty(platform.port, 'pace', { value: { burst: 100, everyMs: 1 } });
  const store = openStore(':memory:');
  const health = new HealthBoard();
  const delivery = new Delivery({
    ...{ store, port: platform.port, health, log: pino({ level: 'silent' }), now: Date.now, idleMs: 2 },
  });
  // Each kind of fault strikes posts, edits, threads and searches alike.
  BAD.forEach((how, i) => {
    discord.misbehave({ method: 'POST', path: /messages$/, times: 1, after: i, how });
    discord.misbehave({ method: 'PATCH', times: 1, after: i, how });
  });
  discord.misbehave({ path: /threads$/, times: 1, how: { kind: 'status', status: 500 } });
  discord.misbehave({ method: 'GET', path: /messages$/, times: 1, how: { kind: 'reset-before' } });
  const write = (id: string, version: number) =>
    store.db.transaction().execute((tx) => {
      const role = id === headId(12) ? 'head' : 'reply';
      const times = { at: Date.now(), editedAt: version > 1 ? Date.now() : null };
      const json = JSON.stringify(text(`${id} version ${version}`));
      return writePost(tx, { id, incident: 12, role, version, json, ...times }, ['discord'], 0);
    });
  await write(headId(12), 1);
  for (let i = 0; i < 8; i += 1) await write(`r${i}`, 1);
  await delivery.start();
  const waiting = async () =>
    (await store.db.selectFrom('outbox').select('id').where('state', '!=', 'sent').execute()).length;
  await expect.poll(waiting, { timeout: 30_000, interval: 10 }).toBe(0);
  for (let i = 0; i < 8; i += 1) await write(`r${i}`, 2);
  delivery.wake();
  await expect.poll(waiting, { timeout: 30_000, interval: 10 }).toBe(0);
  await delivery.stop();
  await store.close();
  const [head, ...others] = discord.world.shown();
  expect(others).toEqual([]);
  const replies = discord.world.shown(head?.id).map((one) => one.body.embeds?.[0]?.description);
  expect(replies).toEqual(Array.from({ length: 8 }, (_, i) => `r${i} version 2`));
  for (const messages of discord.byOutboxId().values()) expect(messages).toHaveLength(1);
  expect(discord.doubledNonces()).toEqual([]);
  await until(() => discord.struck >= BAD.length * 2);
}, 90_000);
