import { sql } from 'kysely';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Threads } from '../../src/bot/threads.ts';
import type { Finding } from '../../src/checks/contract.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { HealthBoard } from '../../src/health/health.ts';
import { IncidentBook } from '../../src/incidents/book.ts';
import { IncidentKeeper } from '../../src/incidents/keeper.ts';
import { paragraph, say } from '../../src/message/build.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { transact } from '../../src/store/transact.ts';

const stack = new Stack(
  Config.parse({
    hosts: { web1: { address: '10.0.0.1' } },
    services: { edge: { kind: 'varnish', on: 'web1', url: 'http://www.example.com' } },
  }),
);

let store: Store;
let book: IncidentBook;
let threads: Threads;
let keeper: IncidentKeeper;
let health: HealthBoard;
let told: (number | null)[];

beforeEach(() => {
  store = openStore(':memory:');
  health = new HealthBoard();
  told = [];
  book = new IncidentBook({ stack, silenced: () => false, nextId: 1 });
  threads = new Threads({
    ...{ store, book, now: Date.now, visitors: () => null },
    proposals: async () => [],
    platforms: () => ['test'],
    onPost: (incident) => told.push(incident),
  });
  keeper = new IncidentKeeper({
    ...{ book, store, health, log: pino({ level: 'silent' }), now: Date.now },
    publish: threads.publish,
    diagnose: async () => [],
    onEvent: () => undefined,
  });
});
afterEach(async () => {
  await keeper.stop();
  await store.close();
});

/** From now on every page that SQLite wants is one too many, as on a disk without room; or none is. */
async function disk(full: boolean): Promise<void> {
  const pages = full ? 1 : 1_000_000;
  await sql`pragma max_page_count = ${sql.lit(pages)}`.execute(store.db);
}

function happens(level: Finding['level'], summary: string): void {
  const finding: Finding = {
    ...{ check: 'varnish.errors', target: 'edge', level, summary, evidence: [] },
    ...{ cleared: level === 'ok', certain: true, basis: 'enough' },
  };
  const at = Date.now();
  keeper.take(book.take({ at, check: finding.check, target: 'edge', findings: [finding] }));
}

/** Much of it, so that new pages are needed. */
const long = (word: string) => `${word} `.repeat(2_000);

const rows = () => store.db.selectFrom('incidents').select(['id', 'json']).execute();
const posts = () => store.db.selectFrom('posts').select(['id', 'version', 'json']).execute();
const lines = () => store.db.selectFrom('timeline').select('what').orderBy('seq').execute();

it('shows what happened while the disk is full, and stores all of it once there is room', async () => {
  await disk(true);
  happens('critical', long('first'));
  await keeper.flush();
  happens('critical', long('second'));
  await keeper.flush();
  await keeper.flush();
  expect(health.of('store')).toMatchObject([
    { state: 'down', what: expect.stringMatching(/disk is full/) as string },
  ]);
  expect(await rows()).toEqual([]);
  expect(threads.messages(1).map((message) => message.id)).toEqual(['i1']);
  expect(JSON.stringify(threads.messages(1))).toContain('second');
  expect(threads.timeline(1).length).toBe(1);
  expect(told.length).toBeGreaterThan(0);

  await disk(false);
  await keeper.flush();
  expect(health.of('store')).toMatchObject([{ state: 'ok' }]);
  expect((await rows()).map((row) => row.id)).toEqual([1]);
  const [head] = await posts();
  expect(head).toMatchObject({ id: 'i1', version: 1 });
  expect(head?.json).toBe(JSON.stringify(threads.messages(1)[0]?.message));
  expect((await lines()).map((line) => line.what)).toEqual(threads.timeline(1).map((line) => line.what));
  expect((await store.db.selectFrom('outbox').selectAll().execute()).length).toBe(1);
});

it('an edit that the store refused is written by the next try, though nothing changed since', async () => {
  happens('critical', 'small');
  await keeper.flush();
  await disk(true);
  happens('critical', long('grown'));
  await keeper.flush();
  expect((await posts())[0]?.version).toBe(1);
  await disk(false);
  await keeper.flush();
  expect((await posts())[0]).toMatchObject({ version: 2, json: expect.stringContaining('grown') as string });
});

it('what was undone and had not happened is not shown', async () => {
  happens('critical', 'small');
  await keeper.flush();
  const before = [threads.messages(1), threads.timeline(1)];
  await expect(
    transact(store.db, async (tx) => {
      await threads.publish(tx, { incident: 1, at: 5, what: '1-A approved by ada.', reply: true });
      throw new Error('undone');
    }),
  ).rejects.toThrow('undone');
  expect([threads.messages(1), threads.timeline(1)]).toEqual(before);
});

it('a refused note is not shown, and can be written later', async () => {
  const note = { blocks: [paragraph(say`${long('set up')}`)] };
  await disk(true);
  await expect(threads.note('set-up', note)).rejects.toThrow(/full/);
  expect(threads.notes()).toEqual([]);
  await disk(false);
  await threads.note('set-up', note);
  expect(threads.notes().length).toBe(1);
});
