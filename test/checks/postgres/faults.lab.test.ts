import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { downLab, type Lab, upLab } from '../../../lab/index.ts';
import type { Finding } from '../../../src/checks/contract.ts';
import { SYSTEMS } from '../../../src/checks/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Stack } from '../../../src/config/stack.ts';
import { HealthBoard } from '../../../src/health/health.ts';
import { History } from '../../../src/history/history.ts';
import { Watcher } from '../../../src/schedule/watcher.ts';
import type { Targets } from '../../../src/targets/contract.ts';
import { openTargets } from '../../../src/targets/targets.ts';
import { newRoot, prepareLab, sayWhySkipped, withoutLab } from '../../lab/lab-support.ts';

sayWhySkipped();

/** Each fault that needs no visitors (the proof shows those too), the check that it must make fire, and the words that a person needs. */
const FAULTS: readonly (readonly [string, string, RegExp])[] = [
  ['connection-leak', 'postgres.connections', /shop from 10\.77\.\d+\.\d+ holds \d+/],
  ['idle-in-transaction', 'postgres.idle-in-transaction', /6 transactions are left open/],
  ['lock-pile-up', 'postgres.locks', /at the root is process \d+ \(shop from 10\.77\.\d+\.\d+/],
  ['external-client', 'stack.clients', /report from 10\.77\.\d+\.91/],
  ['pool-waiting', 'pgbouncer.waiting', /pool shop\/shop, 12 of 12 connections at work/],
  ['replica-lag', 'postgres.replication', /Replica db2 is .* behind/],
  ['schema-drift', 'postgres.schema-drift', /shop\.0002_product_sold/],
];
const WATCHED = SYSTEMS.filter(({ id }) => ['postgres', 'pgbouncer', 'stack'].includes(id));
/** Rates of statements and tables want two looks that are seconds apart. */
const PACE_MS = 2_000;

describe.skipIf(withoutLab !== undefined)(
  "the shop's database, broken and mended",
  { timeout: 200_000 },
  () => {
    const root = newRoot();
    let lab: Lab;
    let targets: Targets;
    let watcher: Watcher;

    beforeAll(async () => {
      prepareLab(['postgres']);
      lab = await upLab({ root, only: ['postgres'] });
      const loaded = loadConfig(join(root, 'warroom.yaml'));
      const stack = new Stack(loaded.config);
      targets = openTargets(stack, loaded.secret);
      watcher = new Watcher({
        ...{ systems: WATCHED, stack, config: () => loaded.config, targets },
        ...{ history: new History(), health: new HealthBoard(), log: pino({ level: 'silent' }) },
        now: Date.now,
      });
    }, 600_000);
    afterAll(async () => {
      await targets?.close();
      await downLab(root);
    }, 60_000);

    /** Rounds until the findings of a check are as wanted. */
    const until = async (check: string, wanted: (findings: readonly Finding[]) => boolean) => {
      const end = Date.now() + 80_000;
      for (;;) {
        await watcher.tick(0);
        const found = watcher.findings().filter((one) => one.check === check);
        if (found.length > 0 && wanted(found)) return found;
        if (Date.now() > end) throw new Error(`${check} is still ${JSON.stringify(found).slice(0, 1500)}`);
        await sleep(PACE_MS);
      }
    };
    const isBad = ({ level }: Finding) => level === 'warn' || level === 'critical';
    const well = (findings: readonly Finding[]) => findings.every(({ level }) => level === 'ok');

    test.each(FAULTS)('%s', async (name, check, words) => {
      await until(check, well);
      await lab.fault(name, true);
      const found = await until(check, (findings) =>
        findings.some((one) => isBad(one) && words.test(`${one.summary} ${JSON.stringify(one.evidence)}`)),
      );
      expect(found.find(isBad)?.advice).toBeTruthy();
      await lab.fault(name, false);
      await until(check, well);
    });
  },
);
