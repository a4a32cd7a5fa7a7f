import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { HealthBoard } from '../../src/health/health.ts';
import { IncidentBook } from '../../src/incidents/book.ts';
import { IncidentKeeper } from '../../src/incidents/keeper.ts';
import { openStore } from '../../src/store/store.ts';

it('a thread whose cause was not found is written once more, to say that the search is over', async () => {
  const store = openStore(':memory:');
  let now = Date.UTC(2026, 0, 1);
  const written: number[] = [];
  const book = new IncidentBook({ stack: new Stack(Config.parse({})), silenced: () => false, nextId: 1 });
  const keeper = new IncidentKeeper({
    ...{ book, store, health: new HealthBoard(), log: pino({ level: 'silent' }), now: () => now },
    publish: async (_tx, change) => void written.push(change.incident),
    diagnose: async () => [],
    onEvent: () => undefined,
  });
  const finding = {
    ...{ check: 'host.load', target: 'web1', level: 'critical' as const, certain: true, cleared: false },
    ...{ basis: 'enough' as const, summary: 'bad', evidence: [] },
  };
  keeper.take(book.take({ at: now, check: 'host.load', target: 'web1', findings: [finding] }));
  await keeper.flush();
  now += 5_000;
  keeper.rediagnose();
  await keeper.flush();
  const before = written.length;
  for (const seconds of [20, 25, 30]) {
    now = Date.UTC(2026, 0, 1) + seconds * 1000;
    keeper.rediagnose();
    await keeper.flush();
  }
  expect(written.length).toBe(before + 1);
  await keeper.stop();
  await store.close();
});
