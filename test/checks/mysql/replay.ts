import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CollectContext, Place } from '../../../src/checks/contract.ts';
import { CATALOGUE_QUESTION, has, questions } from '../../../src/checks/mysql/capabilities.ts';
import type { MysqlClient, MysqlRow } from '../../../src/targets/mysql-link.ts';
import { stackFor, TARGET } from './rounds.ts';

export const FIXTURES = join(import.meta.dirname, '..', '..', 'fixtures', 'mysql');

type Plain = Readonly<Record<string, string | number | null>>;

/** What a server answered, by what it was asked for; a topic that is missing is a statement that it does not know. */
export interface Answers {
  readonly version: string;
  readonly mariadb: boolean;
  readonly performance_schema: string;
  /** Columns by `schema.table`. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly rows: Readonly<Record<string, readonly Plain[]>>;
}

export function readAnswers(version: string, name: string): Answers {
  const read = (file: string) => JSON.parse(readFileSync(join(FIXTURES, version, file), 'utf8')) as Answers;
  return { ...read('server.json'), rows: (read(`${name}.json`) as unknown as Answers).rows };
}

export function columnRows(columns: Answers['columns']): MysqlRow[] {
  return Object.entries(columns).flatMap(([table, names]) => {
    const [s, t] = table.split('.') as [string, string];
    return names.map(
      (c) =>
        new Map([
          ['s', s],
          ['t', t],
          ['c', c],
        ]),
    );
  });
}

/** A name for each statement that collectors ask. */
export function topicOf(sql: string, ask: ReturnType<typeof questions>): string {
  const same = (Object.keys(ask) as (keyof typeof ask)[]).find((key) => ask[key] === sql);
  if (same) return same;
  if (/^SHOW GLOBAL STATUS/.test(sql)) return 'status';
  if (/^SHOW GLOBAL VARIABLES LIKE 'read_only'/.test(sql)) return 'read_only';
  if (/^SHOW GLOBAL VARIABLES WHERE/.test(sql)) return 'variables';
  if (/EXPLAIN/.test(sql)) return 'explain';
  return sql;
}

/** A client that gives the recorded rows; `asked` lists the statements that it was asked. */
export function replayed(answers: Answers, asked: string[] = []): MysqlClient {
  const known = has(columnRows(answers.columns), answers.performance_schema, answers.mariadb);
  const ask = questions(known);
  return {
    account: "'warroom'@'%'",
    version: answers.version,
    mariadb: answers.mariadb,
    database: 'shop',
    ask: (sql) => {
      asked.push(sql);
      if (sql === CATALOGUE_QUESTION) return Promise.resolve(columnRows(answers.columns));
      if (/LIKE 'performance_schema'/.test(sql))
        return Promise.resolve([
          new Map([
            ['variable_name', 'performance_schema'],
            ['value', answers.performance_schema],
          ]),
        ]);
      if (/^USE /.test(sql)) return Promise.resolve([]);
      const rows = answers.rows[topicOf(sql, ask)];
      if (rows === undefined)
        return Promise.reject(
          Object.assign(new Error(`You have an error in your SQL syntax near '${sql}'`), { errno: 1064 }),
        );
      return Promise.resolve(
        rows.map((row) => new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]))),
      );
    },
  };
}

export function replayContext(client: MysqlClient, replica = false): CollectContext {
  const { stack } = stackFor({
    primary: 'mysql://warroom@127.0.0.1/shop',
    replicas: replica ? { copy: 'mysql://warroom@127.0.0.2/shop' } : {},
  });
  const place: Place = {
    system: 'mysql',
    target: TARGET,
    instance: replica ? 'copy' : 'here',
    host: undefined,
    stack,
    server: { source: 'mysql://warroom@127.0.0.1/shop', role: replica ? 'replica' : 'primary' },
  };
  return {
    place,
    target: { name: 'here' } as CollectContext['target'],
    signal: AbortSignal.timeout(5000),
    link: (_kind, _source, work) => work(client as never),
  };
}
