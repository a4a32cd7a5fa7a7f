import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Collector } from '../../../src/checks/contract.ts';
import { has, questions } from '../../../src/checks/mysql/capabilities.ts';
import { type MysqlFacts, mysql } from '../../../src/checks/mysql/index.ts';
import { columnRows, FIXTURES, readAnswers, replayContext, replayed } from './replay.ts';

const AT = Date.UTC(2026, 10, 26);
const VERSIONS = readdirSync(FIXTURES);

async function measured(version: string, name: string, id: string, replica = false) {
  const collector = mysql.collectors.find((one) => one.id === id) as Collector<unknown, MysqlFacts>;
  const context = replayContext(replayed(readAnswers(version, name)), replica);
  const snapshot: unknown = await collector.collect(context, undefined);
  return collector.measure(undefined, { at: AT, snapshot }, context.place);
}

const ask = (version: string) => {
  const { columns, performance_schema, mariadb } = readAnswers(
    version,
    existsSync(join(FIXTURES, version, 'locked.json')) ? 'locked' : 'healthy',
  );
  return questions(has(columnRows(columns), performance_schema, mariadb));
};

describe.each(VERSIONS)('%s', (version) => {
  const cases = readdirSync(join(FIXTURES, version)).filter((file) => /^(healthy|locked)\.json$/.test(file));

  test.each(cases)('%s is measured as reviewed', async (file) => {
    const name = file.replace('.json', '');
    const found = `${JSON.stringify(await measured(version, name, 'activity'), (_, value) => value as unknown, 1)}\n`;
    expect(found).not.toContain('hunter2');
    expect(found).not.toContain('warroom */');
    const expected = join(FIXTURES, version, `${name}.expected.json`);
    if (process.env['UPDATE_FIXTURES']) writeFileSync(expected, found);
    expect(JSON.parse(found)).toEqual(JSON.parse(readFileSync(expected, 'utf8')));
  });

  test('the root of the waits is found', async () => {
    const { facts } = await measured(version, 'locked', 'activity');
    const [root] = facts.roots ?? [];
    const sleeper = facts.sessions?.find((one) => one.command === 'Sleep' && one.transaction !== undefined);
    expect(root?.id).toBe(sleeper?.id);
    expect(facts.longQueries?.[0]?.plan[0]).toMatchObject({ access: 'ALL' });
  });
});

describe('what is asked follows what the server has', () => {
  test('sessions: a list that holds no lock where there is one, milliseconds where there are', () => {
    for (const version of ['mysql-8.0', 'mysql-8.4'])
      expect(ask(version).sessions).toContain('FROM performance_schema.processlist');
    for (const version of ['mysql-5.7', 'mariadb-10.5', 'mariadb-10.11', 'mariadb-11.4'])
      expect(ask(version).sessions).toContain('FROM information_schema.PROCESSLIST');
    expect(VERSIONS.filter((version) => ask(version).sessions.includes('TIME_MS'))).toEqual([
      'mariadb-10.11',
      'mariadb-10.5',
      'mariadb-11.4',
    ]);
  });

  test('lock waits: information_schema where it has them, data_lock_waits from MySQL 8', () => {
    expect(
      VERSIONS.filter((version) => ask(version).lockWaits?.includes('performance_schema.data_lock_waits')),
    ).toEqual(['mysql-8.0', 'mysql-8.4']);
    expect(
      VERSIONS.filter((version) => ask(version).lockWaits?.includes('information_schema.INNODB_LOCK_WAITS')),
    ).toHaveLength(4);
    expect(VERSIONS.filter((version) => ask(version).metadataWaits === undefined)).toEqual(['mariadb-10.5']);
    const plugin = readAnswers('mariadb-11.4', 'locked');
    expect(questions(has(columnRows(plugin.columns), 'OFF', true)).metadataWaits).toContain(
      'METADATA_LOCK_INFO',
    );
  });

  test('digests: with the 95th percentile where it is kept, not at all where statistics are off', () => {
    expect(VERSIONS.filter((version) => ask(version).digests?.includes('QUANTILE_95'))).toEqual([
      'mysql-8.0',
      'mysql-8.4',
    ]);
    expect(VERSIONS.filter((version) => ask(version).digests === undefined)).toEqual(['mariadb-10.5']);
    expect(ask('mariadb-10.5').accounts).toBeUndefined();
  });

  test('statistics that are on and may not be read are a right that is missing, not an empty answer', async () => {
    const answers = readAnswers('mysql-8.0', 'locked');
    const blind = {
      ...answers,
      columns: Object.fromEntries(
        Object.entries(answers.columns).filter(([table]) => table.startsWith('information_schema')),
      ),
    };
    const statements = mysql.collectors.find((one) => one.id === 'statements');
    await expect(statements?.collect(replayContext(replayed(blind)), undefined)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: "On the server: GRANT SELECT ON performance_schema.* TO 'warroom'@'%';" },
    });
  });

  test.each(VERSIONS.filter((version) => existsSync(join(FIXTURES, version, 'replica.json'))))(
    'a replica of %s is told by the statement that it takes',
    async (version) => {
      const asked: string[] = [];
      const collector = mysql.collectors.find((one) => one.id === 'replication') as Collector<
        unknown,
        MysqlFacts
      >;
      const context = replayContext(replayed(readAnswers(version, 'replica'), asked), true);
      for (let i = 0; i < 2; i++) {
        const snapshot: unknown = await collector.collect(context, undefined);
        const { facts, readings } = collector.measure(undefined, { at: AT, snapshot }, context.place);
        expect(facts.replication).toMatchObject({
          readOnly: true,
          channels: [
            { io: 'Yes', sql: 'Yes', source: '10.77.0.51:3306', behind: 12, read: 'binlog.000007:18812' },
          ],
        });
        expect(readings).toEqual([{ metric: 'mysql.replica_lag', value: 12, unit: 's' }]);
      }
      // What it does not know it is asked only once.
      const statements = asked.filter((sql) => /STATUS$/.test(sql));
      expect(new Set(statements).size).toBe(statements.length - 1);
      expect(statements.at(-1)).toBe(
        version.startsWith('mariadb')
          ? 'SHOW ALL SLAVES STATUS'
          : version === 'mysql-5.7'
            ? 'SHOW SLAVE STATUS'
            : 'SHOW REPLICA STATUS',
      );
    },
  );
});
