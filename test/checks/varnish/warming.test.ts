import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { Change } from '../../../src/checks/contract.ts';
import { hitRate } from '../../../src/checks/varnish/checks.ts';
import { varnish } from '../../../src/checks/varnish/index.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { openVarnishCli } from '../../../src/targets/varnish-cli.ts';
import { inputOf, placeOf, Rounds, stackOf } from './judge.ts';
import { httpStatus, missing, Servers } from './servers.ts';

const AT = Date.UTC(2026, 0, 1);
const stack = stackOf({ edge: { kind: 'varnish', on: ['web1', 'web2'], url: 'http://shop.test' } }, [
  'web1',
  'web2',
]);

/** True hits each 5 s as a real Varnish of 200 URLs at 60 requests/s had them, after a ban of everything. */
const REFILLED = [0.26, 0.54, 0.63, 0.71, 0.75];
/** The same after a ban, with a cookie set on each page. */
const NEVER = [0.02, 0.0, 0.01, 0.0, 0.0, 0.01];

interface Told {
  shares: readonly number[];
  banned?: boolean;
  changes?: readonly Change[];
  uptime?: number;
  hosts?: readonly string[];
}

function judge({ shares, banned = false, changes = [], uptime = 86_400, hosts = ['web1'] }: Told) {
  const history = new History(() => AT);
  shares.forEach((share, i) => {
    const at = AT - (shares.length - 1 - i) * 5000;
    for (const host of hosts)
      history.write('edge', host, at, [
        { metric: 'varnish.requests', value: 60, unit: '/s' },
        { metric: 'varnish.hits', value: 60 * share, unit: '/s' },
        { metric: 'varnish.bans', value: banned && i === 0 ? 0.2 : 0, unit: '/s' },
      ]);
  });
  return hitRate.judge({
    ...inputOf(stack, 'edge', history, AT),
    changes,
    instances: hosts.map((host) =>
      instanceView(host, AT, [{ metric: 'varnish.uptime', value: uptime, unit: 's' }], {}),
    ),
    thresholds: hitRate.thresholds.parse({ windowSeconds: 10 }),
  })[0];
}

describe('a cache that was emptied', () => {
  test('is warming while its hit rate rises, and says how long that will take', () => {
    const verdict = judge({ shares: REFILLED, banned: true });
    expect(verdict).toMatchObject({ level: 'ok', cleared: false });
    expect(verdict?.summary).toMatch(/warming after a ban, about 1 min left/);
    expect(verdict?.evidence?.[0]).toMatchObject({
      kind: 'figures',
      rows: [{ name: 'true hits' }, { name: 'gained a minute' }, { name: 'warming since' }, { value: 60 }],
    });
  });
  test('counts for the same on two servers: shares are not summed', () => {
    const slow = [0.7, 0.702, 0.703, 0.704, 0.705, 0.706];
    expect(judge({ shares: slow, banned: true, hosts: ['web1', 'web2'] })?.summary).toBe(
      judge({ shares: slow, banned: true })?.summary,
    );
  });
  test('is bad at once where it does not rise, or falls', () => {
    expect(judge({ shares: NEVER, banned: true })).toMatchObject({ level: 'critical', cleared: false });
    expect(judge({ shares: NEVER, banned: true })?.summary).toContain('not rising after a ban');
    expect(judge({ shares: [...REFILLED].reverse(), banned: true })).toMatchObject({ level: 'critical' });
  });
  test('says nothing yet while there is too little to tell', () => {
    expect(judge({ shares: [0.7, 0.1], banned: true })).toMatchObject({ level: 'ok', basis: 'thin' });
  });
  test('after a start, a mark and a change of ours alike, each for ten minutes', () => {
    expect(judge({ shares: REFILLED, uptime: 30 })?.summary).toContain('warming after a start');
    expect(judge({ shares: REFILLED, changes: [{ at: AT - 25_000, what: 'v2 out' }] })?.summary).toContain(
      'warming after v2 out',
    );
    expect(
      judge({ shares: REFILLED, changes: [{ at: AT - 25_000, what: '12-A taken back', target: 'edge' }] })
        ?.summary,
    ).toContain('warming after 12-A taken back');
    expect(
      judge({ shares: REFILLED, changes: [{ at: AT - 25_000, what: 'x', target: 'other' }] }),
    ).toMatchObject({ level: 'warn' });
    expect(judge({ shares: REFILLED, uptime: 601 })).toMatchObject({ level: 'warn' });
  });
  test('a change that our clock says is still to come changes nothing', () => {
    expect(judge({ shares: REFILLED, changes: [{ at: AT + 3_600_000, what: 'v2 out' }] })).toMatchObject({
      level: 'warn',
    });
  });
});

const why = missing('varnish', 'uwsgi');
describe.skipIf(why)(`a real Varnish after a ban ${why ?? ''}`, () => {
  const servers = new Servers();
  afterAll(() => servers.stop());

  test('warms while pages come back, and is bad when nothing is kept', async () => {
    const app = await servers.uwsgi();
    const edge = await servers.varnish(app.port);
    const place = placeOf(
      stackOf({ edge: { kind: 'varnish', on: 'here', url: 'http://shop.test', instance: edge.instance } }),
      'edge',
    );
    const cli = await openVarnishCli(new LocalTarget('here', 'acting'), {
      address: `127.0.0.1:${edge.cli}`,
      secretPath: edge.secret,
    });
    const [stat] = varnish.collectors as [(typeof varnish.collectors)[0]];
    const asked = async (rounds: Rounds, path: (i: number) => string, times: number) => {
      for (let round = 0; round < times; round++) {
        for (let i = 0; i < 60; i++) await httpStatus(edge.port, path(round * 60 + i));
        await sleep(300);
        await rounds.run(stat);
      }
    };
    for (const [path, wanted] of [
      // Each round has more of the pages of those before it, and fewer new ones.
      [
        (i: number) => `/product/${Math.floor(Math.sqrt(i * 90))}`,
        /^ok: .*warming after a ban, about \d+ min left/,
      ],
      [(i: number) => `/tracked/${i}`, /^critical: .*not rising after a ban/],
    ] as const) {
      const rounds = new Rounds(place);
      await rounds.run(stat);
      await cli.run('ban', 'req.url', '~', '.');
      await rounds.run(stat);
      await asked(rounds, path, 6);
      const [verdict] = rounds.judge(hitRate, { minimumRequests: 10, windowSeconds: 10, warn: 0.95 });
      expect(`${verdict?.level}: ${verdict?.summary}`).toMatch(wanted);
      expect(rounds.view().value('varnish.cache_age')).toBeLessThan(60);
      expect(rounds.view().facts).toMatchObject({ emptied: { by: 'a ban' } });
    }
    cli.close();
  }, 40_000);
});
