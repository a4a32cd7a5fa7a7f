import { expect, test } from 'vitest';
import { collectStat } from '../../../src/checks/varnish/collect.ts';
import type { Target } from '../../../src/targets/contract.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { contextOf, placeOf, stackOf } from './judge.ts';

const place = placeOf(stackOf({ edge: { kind: 'varnish', on: 'here', url: 'http://shop.test' } }), 'edge');

/** varnishstat as it answers one call after the other. */
function counting(...uptimes: number[]): Target {
  const target = new LocalTarget('here', 'reading');
  target.read = async () => ({
    ...{ status: 0, stderr: '', cut: false, ms: 1 },
    stdout: JSON.stringify({ 'MAIN.uptime': { value: uptimes.shift() ?? 0 } }),
  });
  return target;
}

const at = (seconds: number, uptime: number) => ({
  at: Date.now() - seconds * 1000,
  snapshot: { counters: { 'MAIN.uptime': uptime }, storages: [], backends: [] },
});

test('a varnishd that was killed is not read as one that nobody visits', async () => {
  for (const previous of [undefined, at(5, 7)])
    await expect(collectStat(contextOf(place, counting(7, 7)), previous)).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
});

test('one that lives is read, once where that is enough', async () => {
  expect((await collectStat(contextOf(place, counting(12)), at(5, 7))).counters).toEqual({
    'MAIN.uptime': 12,
  });
  // Begun again: its uptime moved, if backwards.
  expect((await collectStat(contextOf(place, counting(1)), at(5, 7))).counters).toEqual({ 'MAIN.uptime': 1 });
  expect((await collectStat(contextOf(place, counting(7, 9)), undefined)).counters).toEqual({
    'MAIN.uptime': 9,
  });
});
