import { describe, expect, it } from 'vitest';
import { History } from '../../src/history/history.ts';

const start = Date.UTC(2026, 0, 1);

describe('history', () => {
  it('sums the instances of a service round by round, and carries one that missed a round', () => {
    let now = start;
    const history = new History(() => now);
    for (let round = 0; round < 4; round++) {
      now = start + round * 5000;
      history.write('app', 'app1', now + 20, [{ metric: 'uwsgi.busy_workers', value: 2, unit: 'count' }]);
      if (round !== 2)
        history.write('app', 'app2', now + 310, [{ metric: 'uwsgi.busy_workers', value: 1, unit: 'count' }]);
    }
    const points = history.series({ metric: 'uwsgi.busy_workers', target: 'app', windowMs: 60_000 });
    expect(points.map((point) => point.value)).toEqual([3, 3, 3, 3]);
    expect(
      history.series({ metric: 'uwsgi.busy_workers', target: 'app', instance: 'app2', windowMs: 60_000 }),
    ).toHaveLength(3);
  });

  it('never lets time run backwards in a series', () => {
    const history = new History(() => start + 10_000);
    history.write('h', 'h', start + 5000, [{ metric: 'm', value: 1, unit: 'count' }]);
    history.write('h', 'h', start, [{ metric: 'm', value: 9, unit: 'count' }]);
    expect(history.series({ metric: 'm', target: 'h', windowMs: 60_000 })).toEqual([
      { at: start + 5000, value: 1 },
    ]);
  });

  for (const [words, jump] of [
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ] as const)
    it(`goes on at once when the clock was set ${words} by an hour, and shows nothing of a time that is not`, () => {
      let now = start;
      const history = new History(() => now);
      const write = (value: number, instance = 'h') =>
        history.write('h', instance, now, [{ metric: 'm', value, unit: 'count' }]);
      for (let round = 0; round < 240; round++) {
        now += 5000;
        write(1);
      }
      // It told something once, and then no more.
      write(100, 'gone');
      now += jump;
      const query = { metric: 'm', target: 'h' };
      expect(history.latest(query)).toBeUndefined();
      for (let round = 0; round < 3; round++) {
        now += 5000;
        write(7);
      }
      expect(history.latest(query)).toEqual({ at: now, value: 7 });
      const values = (windowMs: number) => history.series({ ...query, windowMs }).map((point) => point.value);
      expect(values(60_000)).toEqual([7, 7, 7]);
      expect(values(600_000)).toEqual([7, 7, 7]);
      // The minutes of the hour ago are those of before a jump forward.
      expect(values(7_200_000).at(-1)).toBe(7);
      expect(history.series({ ...query, windowMs: 7_200_000 }).every((point) => point.at <= now)).toBe(true);
      for (const { minute } of history.takePacked()) expect(Number.isInteger(minute)).toBe(true);
    });

  it('keeps minutes beyond the full resolution, and gives them to the store and takes them back', () => {
    let now = start;
    const history = new History(() => now);
    for (let second = 0; second < 3600; second += 5) {
      now = start + second * 1000;
      history.write('h', 'h', now, [
        { metric: 'm', value: Math.floor(second / 60), unit: 'count', labels: { mount: '/' } },
      ]);
    }
    const query = { metric: 'm', target: 'h', labels: { mount: '/' }, windowMs: 3_600_000 };
    expect(history.series({ ...query, windowMs: 600_000 }).length).toBeGreaterThan(110);
    expect(history.series(query)).toHaveLength(60);
    const packed = history.takePacked();
    expect(packed).toHaveLength(59);
    const other = new History(() => now);
    other.restore(packed);
    expect(other.series(query).map((point) => point.value)).toEqual(Array.from({ length: 59 }, (_, i) => i));
  });

  it('has no latest value for a series that stopped a minute ago', () => {
    let now = start;
    const history = new History(() => now);
    history.write('h', 'h', now, [{ metric: 'm', value: 1, unit: 'count' }]);
    expect(history.latest({ metric: 'm', target: 'h' })?.value).toBe(1);
    now += 61_000;
    expect(history.latest({ metric: 'm', target: 'h' })).toBeUndefined();
  });
});
