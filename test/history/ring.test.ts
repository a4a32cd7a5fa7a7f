import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ring } from '../../src/history/ring.ts';

const SIZE = { most: 121, spanMs: 600_000 };
const all = (ring: Ring) => ring.since(0, Number.MAX_SAFE_INTEGER);

describe('a ring', () => {
  it.each([
    [5_000, 121],
    [30_000, 32],
  ])('of samples each %i ms holds ten minutes, and not many more', (every, most) => {
    const ring = new Ring(SIZE);
    for (let i = 0; i < 500; i++) ring.push(1_000_000 + i * every, i);
    const points = all(ring);
    expect(points.at(-1)).toEqual({ at: 1_000_000 + 499 * every, value: 499 });
    expect((points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0)).toBeGreaterThanOrEqual(SIZE.spanMs);
    expect(points).toHaveLength(most);
  });

  it('holds the newest points, as a list of all that were pushed would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 90_000 }), fc.double({ noNaN: true })), {
          maxLength: 400,
        }),
        (steps) => {
          const ring = new Ring(SIZE);
          let at = 1_700_000_000_000;
          const pushed = steps.map(([step, value]) => {
            at += step;
            ring.push(at, value);
            return { at, value };
          });
          const kept = all(ring);
          expect(kept).toEqual(pushed.slice(pushed.length - kept.length));
          expect(kept.length).toBeLessThanOrEqual(SIZE.most);
          // Nothing of the span is missing, but what would be too many.
          const due = pushed.filter((point) => at - point.at < SIZE.spanMs).slice(-SIZE.most);
          expect(kept.length).toBeGreaterThanOrEqual(due.length);
        },
      ),
    );
  });

  it('goes on after a pause that no offset can hold', () => {
    const ring = new Ring(SIZE);
    ring.push(1_000, 1);
    ring.push(2 ** 33, 2);
    ring.push(2 ** 33 + 5_000, 3);
    expect(all(ring)).toEqual([
      { at: 2 ** 33, value: 2 },
      { at: 2 ** 33 + 5_000, value: 3 },
    ]);
  });

  it('keeps what is newer than its base when the base moves on', () => {
    const ring = new Ring(SIZE);
    for (let i = 0; i <= 2 ** 32 + 200_000; i += 2 ** 28) ring.push(i, i);
    for (let i = 1; i <= 10; i++) ring.push(2 ** 32 + i * 5_000, i);
    expect(
      all(ring)
        .slice(-10)
        .map(({ value }) => value),
    ).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ring.last()).toEqual({ at: 2 ** 32 + 50_000, value: 10 });
  });

  it('forgets what has not happened when the clock was set back', () => {
    const ring = new Ring(SIZE);
    for (let i = 0; i < 20; i++) ring.push(100_000 + i * 5_000, i);
    ring.push(120_000, 99);
    expect(all(ring).map(({ value }) => value)).toEqual([0, 1, 2, 3, 99]);
    ring.push(50_000, 7);
    expect(all(ring)).toEqual([{ at: 50_000, value: 7 }]);
    ring.push(49_000, 8);
    expect(ring.last()).toEqual({ at: 50_000, value: 7 });
  });
});
