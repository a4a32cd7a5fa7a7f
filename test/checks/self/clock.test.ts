import { describe, expect, test } from 'vitest';
import { collectFacts } from '../../../src/checks/host/collect.ts';
import { secondsBetween } from '../../../src/checks/rate.ts';
import { clock, connectivity } from '../../../src/checks/self/checks.ts';
import { summed } from '../../../src/checks/varnish/log-window.ts';
import { measureLog } from '../../../src/checks/varnish/measure.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { HealthBoard } from '../../../src/health/health.ts';
import { History } from '../../../src/history/history.ts';
import { Command, sh } from '../../../src/targets/command.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { inputOf, placeOf, stackOf } from '../varnish/judge.ts';

const AT = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const stack = new Stack(
  Config.parse({
    hosts: { me: { local: true }, web1: { address: '10.0.0.1' }, app1: { address: '10.0.0.2' } },
  }),
);

function judge(offsets: Record<string, readonly number[]>, health = new HealthBoard(() => AT)) {
  const history = new History(() => AT);
  for (const [host, values] of Object.entries(offsets))
    values.forEach((value, i) => {
      const at = AT - (values.length - i) * 5000;
      history.write(host, host, at, [{ metric: 'host.clock_offset', value, unit: 's' }]);
    });
  return clock.judge({
    ...inputOf(stack, 'self', history, AT, health.of('clock')),
    thresholds: clock.thresholds.parse({}),
  });
}

describe('clocks', () => {
  test('that agree are fine, and said how well', () => {
    expect(judge({ me: [0, 0], web1: [0.02, 0.01], app1: [0.3, 0.05] })).toMatchObject([
      { level: 'ok', cleared: true, value: 0.05, threshold: 2 },
    ]);
    expect(judge({})).toMatchObject([{ level: 'ok', basis: 'thin' }]);
  });
  test('an answer that had to wait makes no clock fast', () => {
    expect(judge({ web1: [3.1, 0.02, 4.8, 2.9], app1: [0.01] })).toMatchObject([{ level: 'ok' }]);
  });
  test('a host that is off is named with its figure', () => {
    expect(judge({ me: [0], web1: [-7.2, -7.1], app1: [0.01] })).toMatchObject([
      { level: 'warn', subject: 'web1', value: 7.2 },
    ]);
    const [fast] = judge({ me: [0], web1: [0.1], app1: [3600, 3600.2] });
    expect(fast).toMatchObject({ level: 'critical', subject: 'app1', value: 3600 });
    expect(fast?.summary).toContain('1 h 0 min fast');
    expect(fast?.advice).toContain('timedatectl set-ntp true');
  });
  test('where all hosts are off by the same, it is our own', () => {
    const [own] = judge({ web1: [-30], app1: [-29.5], me: [0] });
    expect(own).toMatchObject({ level: 'warn' });
    expect(own?.subject).toBeUndefined();
    expect(own?.summary).toMatch(/Warroom’s own clock is 30 s fast against 2 of 2 hosts/);
  });
  test('a jump of our own is told for five minutes', () => {
    let now = AT;
    const health = new HealthBoard(() => now);
    health.report({ part: 'clock:warroom', state: 'degraded', what: 'by 60 min, back' });
    expect(judge({ web1: [0] }, health)).toMatchObject([
      { level: 'warn', subject: 'warroom' },
      { level: 'ok' },
    ]);
    now = AT - 301_000;
    health.forget('clock:warroom');
    health.report({ part: 'clock:warroom', state: 'degraded', what: 'by 60 min, back' });
    expect(judge({ web1: [0] }, health)).toMatchObject([{ level: 'ok' }]);
  });
});

test('the offset of a host whose clock is set is read as it is', async () => {
  // The host's own `date`, an hour and a half minute ahead.
  const target = new LocalTarget('here', 'reading');
  const read = target.read.bind(target);
  target.read = (command, options) => {
    const ahead = 'date() { echo $(($(command date +%s%N) + 3630000000000)); }\n';
    return read(
      Object.assign(Object.create(Command.prototype) as Command, { line: ahead + command.line }),
      options,
    );
  };
  const { clockOffset } = await collectFacts({ target, signal: AbortSignal.timeout(4000) }, undefined);
  expect(clockOffset).toBeGreaterThan(3629.9);
  expect(clockOffset).toBeLessThan(3632);
  expect((await target.read(sh`date +%s%N`)).stdout).toMatch(/^\d{19}\n$/);
  target.close();
});

describe('after our own clock was set back by an hour', () => {
  test('what is down stays down for as long as it was', () => {
    let now = AT;
    const health = new HealthBoard(() => now);
    health.report({ part: 'host:web1', state: 'down', what: 'no route' });
    health.report({ part: 'host:app1', state: 'ok', what: '' });
    now += 60_000;
    const judged = () =>
      connectivity.judge({
        ...inputOf(stack, 'self', new History(() => now), now, health.of('host')),
        thresholds: connectivity.thresholds.parse({}),
      });
    expect(judged()).toMatchObject([{ level: 'critical', subject: 'web1' }]);
    const before = judged()[0]?.summary;
    now -= HOUR_MS;
    health.clockSet(-HOUR_MS);
    expect(judged()[0]?.summary).toBe(before);
  });

  test('no rate is taken over it, and windows of the log from before count no more', () => {
    expect(secondsBetween({ at: AT, snapshot: 0 }, { at: AT - HOUR_MS, snapshot: 0 })).toBeUndefined();
    expect(secondsBetween({ at: AT, snapshot: 0 }, { at: AT + HOUR_MS, snapshot: 0 })).toBeUndefined();
    const place = placeOf(stackOf({ edge: { kind: 'varnish', on: 'here', url: 'http://x.test' } }), 'edge');
    const window = (at: number, requests: number) => ({
      ...summed([], { at, seconds: 4, limited: false }),
      requests,
    });
    const windows = [window(AT - 4000, 4000), window(AT - HOUR_MS, 40)];
    const measured = measureLog(undefined, { at: AT - HOUR_MS, snapshot: { json: true, windows } }, place);
    expect(measured.readings[0]).toMatchObject({ metric: 'visitors.requests', value: 10 });
  });
});
