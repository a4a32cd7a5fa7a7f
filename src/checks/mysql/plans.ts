import { WarroomError } from '../../errors/catalogue.ts';
import type { MysqlClient, MysqlRow } from '../../targets/mysql-link.ts';
import { plain } from '../rate.ts';
import { MOST_DIGEST_TEXT } from './capabilities.ts';
import type { PlanStep } from './facts.ts';
import { number, quoted, text } from './rows.ts';

interface Explained {
  readonly plan: readonly PlanStep[];
  readonly problem: string | undefined;
}

const MOST_STEPS = 12;

/**
 * The plan that a session's statement runs by at this moment. MariaDB asks the session itself, which answers only when
 * it looks up from its work: one that waits for a lock would keep us waiting, so the server ends that question soon.
 */
export async function explainSession(client: MysqlClient, id: number): Promise<Explained> {
  if (!Number.isSafeInteger(id) || id < 0) return { plan: [], problem: 'it is no session id' };
  const sql = client.mariadb
    ? `SET STATEMENT max_statement_time = 0.3 FOR SHOW EXPLAIN FOR ${id}`
    : `EXPLAIN FOR CONNECTION ${id}`;
  return planOf(() => client.ask(sql));
}

/**
 * The plan of a pattern: its text with a parameter for each literal, prepared, never run. Only a SELECT that came whole,
 * in the database where it was asked; the server takes one statement, and our account may only read.
 */
export async function explainPattern(
  client: MysqlClient,
  database: string,
  digest: string,
): Promise<Explained> {
  const sql = explainable(digest);
  if (sql === undefined) return { plan: [], problem: 'only a whole SELECT can be explained' };
  return planOf(async () => {
    if (database !== '') await client.ask(`USE ${quoted(database)}`);
    const parameters = sql.match(/\?/g)?.length ?? 0;
    return client.ask(
      `EXPLAIN ${sql}`,
      Array.from({ length: parameters }, () => 1),
    );
  });
}

/** `SELECT … WHERE id IN (...) LIMIT ?` -> a statement that can be prepared; undefined where it is none of ours to ask. */
export function explainable(digest: string): string | undefined {
  const sql = digest.trim();
  if (!/^(SELECT|WITH)\b/i.test(sql) || sql.length >= MOST_DIGEST_TEXT || /\.\.\.$/.test(sql))
    return undefined;
  // Locks, files, and functions that stand still or write are no part of a plan that we want.
  if (/;|\b(INTO|FOR\s+UPDATE|LOCK\s+IN|SLEEP|BENCHMARK|GET_LOCK|LOAD_FILE|NEXTVAL|SETVAL)\b/i.test(sql))
    return undefined;
  const parts = sql.split(/(`(?:[^`]|``)*`)/);
  if (parts.some((part, i) => i % 2 === 1 && part.includes('?'))) return undefined;
  return parts
    .map((part, i) =>
      i % 2 === 1 ? part : part.replace(/\(\s*\.\.\.\s*\)/g, '(?)').replace(/\s*,\s*\.\.\./g, ''),
    )
    .join('');
}

async function planOf(ask: () => Promise<readonly MysqlRow[]>): Promise<Explained> {
  try {
    return { plan: (await ask()).slice(0, MOST_STEPS).map(stepOf), problem: undefined };
  } catch (thrown) {
    if (thrown instanceof WarroomError && thrown.code !== 'NO_RIGHT') throw thrown;
    if ((thrown as { fatal?: unknown }).fatal === true) throw thrown;
    return { plan: [], problem: plain(thrown instanceof Error ? thrown.message : '', 160) };
  }
}

function stepOf(row: MysqlRow): PlanStep {
  return {
    table: plain(text(row, 'table'), 64),
    access: plain(text(row, 'type'), 20),
    key: plain(text(row, 'key'), 64),
    rows: number(row, 'rows'),
    extra: plain(text(row, 'extra'), 120),
  };
}
