import { afterEach, expect, it } from 'vitest';
import { takeLease } from '../../src/store/lease.ts';
import { openStore, type Store } from '../../src/store/store.ts';

const open: Store[] = [];
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
});

it('tells the next bot when the one before it was last alive', async () => {
  const store = openStore(':memory:');
  open.push(store);
  let now = 1_000_000;
  const take = () =>
    takeLease(
      store,
      () => undefined,
      undefined,
      () => now,
    );
  const first = await take();
  expect(first.lastAlive).toBeNull();
  now += 60_000;
  await first.release();
  now += 200_000;
  const second = await take();
  expect(second.lastAlive).toBe(1_060_000);
  await second.release();
});
