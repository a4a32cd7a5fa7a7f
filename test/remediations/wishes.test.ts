import { expect, it } from 'vitest';
import type { Incident } from '../../src/incidents/record.ts';
import type { Guard } from '../../src/remediations/guard.ts';
import { Wishes } from '../../src/remediations/wishes.ts';
import { silent } from './doubles.ts';

const incident = {
  id: 12,
  causes: [{ proposals: [{ remediation: 'cache-rule', params: { pattern: '/legacy/' }, effect: 'cure' }] }],
} as unknown as Incident;

it('asks again for what could not be planned: soon, then less and less often', async () => {
  let now = 1_000_000;
  const asked: number[] = [];
  const guard = {
    proposals: () => [],
    propose: async () => {
      asked.push(now - 1_000_000);
      return { refused: 'It could not be planned: no answer in time' };
    },
  } as unknown as Guard;
  const wishes = new Wishes(guard, silent, () => now);
  for (let second = 0; second < 900; second += 5) {
    await wishes.propose(incident);
    now += 5_000;
  }
  expect(asked.map((ms) => ms / 1000)).toEqual([0, 15, 45, 105, 225, 465, 765]);
});
