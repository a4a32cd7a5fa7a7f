import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { downLab, type Lab, upLab } from '../../../lab/index.ts';
import type { Check, Verdict } from '../../../src/checks/contract.ts';
import {
  connections,
  hotQueries,
  idleInTransaction,
  locks,
  longQueries,
  missingIndex,
  replication,
  schemaDrift,
} from '../../../src/checks/mysql/checks.ts';
import type { MysqlFacts } from '../../../src/checks/mysql/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Stack } from '../../../src/config/stack.ts';
import { openTargets } from '../../../src/targets/targets.ts';
import { newRoot, prepareLab, sayWhySkipped, withoutLab } from '../../lab/lab-support.ts';
import { Rounds } from './rounds.ts';
import { until } from './servers.ts';

sayWhySkipped();

/** Each fault, the check that it must make fire, what is read for it, and the words that a person needs. */
const FAULTS: readonly (readonly [string, Check<MysqlFacts, never>, readonly string[], RegExp])[] = [
  [
    'my-connections',
    connections as never,
    ['activity'],
    /4\d of 60 connections are taken.* report@10\.77\.\d+\.91 holds 45, of which 45 sleep/,
  ],
  [
    'my-lock',
    locks as never,
    ['activity'],
    /4 sessions wait for a lock.*At the root is session \d+ of shop@10\.77\.\d+\.91 on shop\.invoice, idle in an open transaction/,
  ],
  ['my-idle', idleInTransaction as never, ['activity'], /transactions are open and idle.*10 changes to undo/],
  ['my-external-client', longQueries as never, ['activity'], /by report@10\.77\.\d+\.91/],
  [
    'my-missing-index',
    missingIndex as never,
    ['catalogue', 'statements'],
    /^invoice_item\.invoice_id points to invoice and has no index: .*300,000 rows read a call/,
  ],
  [
    'my-schema-drift',
    schemaDrift as never,
    ['catalogue'],
    /migration crm 0002_invoice_paid is not applied here/,
  ],
  ['my-replica-lag', replication as never, ['replication'], /^my2 is \d+ s behind its primary/],
];

describe.skipIf(withoutLab !== undefined)(
  "the customers' database, broken and mended",
  { timeout: 90_000 },
  () => {
    const root = newRoot();
    let lab: Lab;
    let rounds: Rounds;

    beforeAll(async () => {
      prepareLab(['mysql']);
      lab = await upLab({ root, only: ['mysql'] });
      const loaded = loadConfig(join(root, 'warroom.yaml'));
      const stack = new Stack(loaded.config);
      rounds = new Rounds({ stack, targets: openTargets(stack, loaded.secret) });
    }, 600_000);
    afterAll(async () => {
      rounds?.close();
      await downLab(root);
    }, 60_000);

    const judged = async (
      check: Check<MysqlFacts, never>,
      ids: readonly string[],
    ): Promise<readonly Verdict[]> => {
      for (const id of ids) await rounds.run(id);
      return rounds.judge(check);
    };
    const well = (verdicts: readonly Verdict[]) => verdicts.every((one) => one.level === 'ok');

    test.each(FAULTS)('%s', async (name, check, ids, words) => {
      await until(async () => well(await judged(check, ids)), 30_000);
      await lab.fault(name, true);
      const found = await until(
        async () =>
          (await judged(check, ids)).find(
            (one) => /^(warn|critical)$/.test(one.level) && words.test(one.summary),
          ),
        45_000,
      );
      expect(found.advice).toBeTruthy();
      await lab.fault(name, false);
      await until(async () => well(await judged(check, ids)), 30_000);
    });

    test('a report from outside is the pattern that costs most, and its client is told by its address', async () => {
      await lab.fault('my-external-client', true);
      await until(async () => {
        const verdicts = await judged(hotQueries as never, ['statements']);
        return verdicts.some((one) => one.level !== 'ok' && one.summary.includes('FROM customer c JOIN'));
      }, 45_000);
      const use = rounds.view('my1').facts.use;
      expect(use?.clients[0]).toMatchObject({
        role: 'report',
        address: lab.address('client2'),
        database: 'shop',
        sessions: 2,
      });
      expect(use?.clients[0]?.busy).toBeGreaterThan(1);
      await lab.fault('my-external-client', false);
    });
  },
);
