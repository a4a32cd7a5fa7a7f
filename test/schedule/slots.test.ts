import { expect, it } from 'vitest';
import type { Collector } from '../../src/checks/contract.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { type Slot, startsOf } from '../../src/schedule/slots.ts';

const stack = new Stack(Config.parse({ hosts: { me: { local: true } } }));

function group(system: string, target: string): Slot[] {
  return [
    {
      place: { system, target, instance: target, host: undefined, stack },
      collector: { id: 'facts', everySeconds: 5 } as unknown as Collector<unknown, object>,
      ...{ previous: undefined, measured: undefined, snapshots: 0, problem: undefined, doubted: false },
      ...{ running: false, everWell: false, skipped: 0 },
    },
  ];
}
const hosts = (count: number) => Array.from({ length: count }, (_, i) => group('host', `h${i}`));

it('begins with all of a usual stack at once', () => {
  expect(startsOf([...hosts(20), group('varnish', 'cache')])).toEqual(new Map());
});

it('begins with the hosts of a large fleet one after the other, and with its services at once', () => {
  const starts = startsOf([...hosts(300), group('host', 'h299'), group('varnish', 'cache')]);
  expect(starts.has('h19')).toBe(false);
  expect(starts.has('cache')).toBe(false);
  const times = [...starts.values()];
  expect(times).toHaveLength(280);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(new Set(times).size).toBe(280);
  expect(times.at(-1)).toBe(3000);
});
