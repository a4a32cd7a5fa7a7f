import { z } from 'zod';
import { reason, WarroomError } from '../../../errors/catalogue.ts';
import type { PostgresClient } from '../../../targets/postgres-link.ts';
import { sqlState } from '../../../targets/sql-errors.ts';
import { plain } from '../../rate.ts';
import { blankSql, withoutLiterals } from '../../sql.ts';
import { quoteName } from '../ask.ts';

/** A table that is read from start to end. */
export interface FullRead {
  readonly table: string;
  /** Rows that are left of it by its filter and by the join around it: few of many would be found by an index. */
  readonly kept: number;
}

/** A plan, or why there is none. */
export interface Plan {
  /** At most 30, literals blank. */
  readonly lines: readonly string[];
  readonly sequential: readonly FullRead[];
  readonly problem?: string;
}

export interface Statement {
  readonly text: string;
  /** The server kept only its beginning. */
  readonly cut: boolean;
  /** Who sent it: names in it mean what they mean to that role. */
  readonly role: string;
}

const LOCAL = 'SET LOCAL statement_timeout = 1000; SET LOCAL lock_timeout = 200';
const MOST_LINES = 30;
const MOST_SLOTS = 200;
const GENERIC_FROM = 160_000;

/**
 * Asks for the plan of a text that came from somewhere else. It is never run: one statement, by the extended protocol,
 * within a READ ONLY transaction that is rolled back, by a role that owns nothing (functions that are declared
 * IMMUTABLE run while planning). What may not be explained has its reason as `problem`.
 */
export async function explain(client: PostgresClient, statement: Statement): Promise<Plan> {
  const refusal = refused(statement) ?? (await ownerProblem(client));
  if (refusal !== undefined) return none(refusal);
  const { text, role } = statement;
  const slots = slotCount(text);
  if (slots > MOST_SLOTS) return none(`it has ${slots} parameters`);
  const path = await searchPath(client, role);
  let failed: unknown;
  await client.rows('BEGIN READ ONLY');
  try {
    for (const setting of LOCAL.split('; ')) await client.rows(setting);
    await client.rows("SELECT set_config('search_path', $1, true)", [path]);
    return planOf(await answer(client, text, slots));
  } catch (thrown) {
    failed = thrown;
  } finally {
    await client.rows('ROLLBACK');
    // A prepared statement outlives the transaction that made it.
    if (slots > 0 && client.version < GENERIC_FROM) await client.rows('DEALLOCATE ALL');
  }
  return none(await whyNot(failed, client));
}

/** Why a text is not explained; undefined when it may be. Only what reads, whole, and one statement. */
export function refused({ text, cut }: Pick<Statement, 'text' | 'cut'>): string | undefined {
  if (cut) return 'the server keeps only its beginning (track_activity_query_size)';
  if (!/^\s*(?:(?:\/\*(?:[^*]|\*(?!\/))*\*\/|--[^\n]*\n)\s*)*(?:select|with)\b/i.test(text))
    return 'only SELECT and WITH are explained';
  if (/\0/.test(text)) return 'it has a zero byte in it';
  return undefined;
}

/** The highest $n outside of literals. */
export function slotCount(text: string): number {
  const shown = withoutLiterals(text, 'postgres');
  return Math.max(0, ...[...shown.matchAll(/(?<![\w$])\$(\d{1,5})/g)].map(([, n]) => Number(n)));
}

async function answer(client: PostgresClient, text: string, slots: number): Promise<unknown> {
  const one = async (sql: string) => Object.values((await client.rows(sql))[0] ?? {})[0];
  if (slots === 0) return one(`EXPLAIN (FORMAT JSON) ${text}`);
  if (client.version >= GENERIC_FROM) return one(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`);
  // Before 16 a text with $1 can only be planned as a prepared statement, and with NULLs unless it is told otherwise.
  await client.rows('SET LOCAL plan_cache_mode = force_generic_plan');
  await client.rows(`PREPARE warroom_plan AS ${text}`);
  return one(`EXPLAIN (FORMAT JSON) EXECUTE warroom_plan(${Array(slots).fill('NULL').join(', ')})`);
}

async function ownerProblem(client: PostgresClient): Promise<string | undefined> {
  if (client.remembered.has('owner')) return client.remembered.get('owner') as string | undefined;
  const [row] = await client.rows(
    `SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      OR EXISTS (SELECT FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm') AND c.relnamespace NOT IN
        ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND pg_has_role(current_user, c.relowner, 'USAGE')) AS owns`,
  );
  const problem =
    row?.['owns'] === false
      ? undefined
      : `${client.role} is a superuser or owns tables: foreign texts are explained only by a role that may but read`;
  client.remembered.set('owner', problem);
  return problem;
}

const Setting = z.array(z.object({ path: z.string() }));

/** What the role's sessions look names up in, as far as it is set for role or database. */
async function searchPath(client: PostgresClient, role: string): Promise<string> {
  const rows = Setting.parse(
    await client.rows(
      `SELECT substr(c.setting, length('search_path=') + 1) AS path
      FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS c(setting)
      WHERE s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
        AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        AND c.setting LIKE 'search\\_path=%'
      ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1`,
      [role],
    ),
  );
  const own = quoteName(role);
  return (rows[0]?.path ?? '"$user", public').replace(/"\$user"|\$user/g, () =>
    role === '' ? 'public' : own,
  );
}

interface Node {
  readonly 'Node Type'?: string | undefined;
  readonly 'Relation Name'?: string | undefined;
  readonly 'Index Name'?: string | undefined;
  readonly 'Plan Rows'?: number | undefined;
  readonly 'Total Cost'?: number | undefined;
  readonly Filter?: string | undefined;
  readonly 'Index Cond'?: string | undefined;
  readonly 'Hash Cond'?: string | undefined;
  readonly Plans?: readonly Node[] | undefined;
}

const Node: z.ZodType<Node> = z.object({
  'Node Type': z.string().optional(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  'Plan Rows': z.number().optional(),
  'Total Cost': z.number().optional(),
  Filter: z.string().optional(),
  'Index Cond': z.string().optional(),
  'Hash Cond': z.string().optional(),
  get Plans() {
    return z.array(Node).optional();
  },
});
/** One statement, one plan. */
const Answer = z.tuple([z.object({ Plan: Node })]);

/** Reads what EXPLAIN (FORMAT JSON) answers. */
export function planOf(json: unknown): Plan {
  const read = Answer.safeParse(json);
  if (!read.success) return none('the server answers in a form that is not known');
  const lines: string[] = [];
  const sequential = new Map<string, number>();
  const walk = (node: Node, depth: number, joined: number) => {
    const relation = node['Relation Name'] === undefined ? undefined : plain(node['Relation Name'], 63);
    const rows = node['Plan Rows'] ?? 0;
    if (node['Node Type'] === 'Seq Scan' && relation !== undefined)
      sequential.set(relation, Math.min(rows, joined, sequential.get(relation) ?? Infinity));
    if (lines.length < MOST_LINES) lines.push(`${'  '.repeat(Math.min(depth, 10))}${nodeLine(node)}`);
    const around = /Join|Nested Loop/.test(node['Node Type'] ?? '') ? rows : joined;
    for (const child of node.Plans ?? []) walk(child, depth + 1, around);
  };
  walk(read.data[0].Plan, 0, Infinity);
  return { lines, sequential: [...sequential].map(([table, kept]) => ({ table, kept })) };
}

function nodeLine(node: Node): string {
  const on = node['Relation Name'] ? ` on ${node['Relation Name']}` : '';
  const using = node['Index Name'] ? ` using ${node['Index Name']}` : '';
  const condition = node['Index Cond'] ?? node['Hash Cond'] ?? node.Filter;
  const cost = `${Math.round(node['Plan Rows'] ?? 0)} rows, cost ${Math.round(node['Total Cost'] ?? 0)}`;
  return `${plain(`${node['Node Type'] ?? 'Node'}${using}${on}`)} (${cost})${condition ? ` ${blankSql(condition, 'postgres', 120)}` : ''}`;
}

function none(problem: string): Plan {
  return { lines: [], sequential: [], problem };
}

async function whyNot(thrown: unknown, client: PostgresClient): Promise<string> {
  // Without a state the session is gone, and nobody explains anything.
  const state = sqlState(thrown);
  if (state === undefined) throw thrown;
  // A schema that may not be used is passed over: its tables do not exist then (42P01).
  if (state === '42501' || state === '42P01') {
    const mend = await missingGrants(client);
    if (mend !== undefined) return mend;
  }
  // Class 22 quotes the literal that does not fit.
  if (state.startsWith('22')) return `a literal in it does not fit (${state})`;
  const words = thrown instanceof WarroomError ? reason(thrown.cause) : reason(thrown);
  return blankSql(words, 'postgres', 160);
}

const Schemas = z.array(z.object({ schema: z.string() }));
const MOST_SCHEMAS = 5;

/** What the reading role may not read yet, as the line that grants it; undefined when it may read every table. */
async function missingGrants(client: PostgresClient): Promise<string | undefined> {
  const found = Schemas.parse(
    await client.rows(
      `SELECT DISTINCT n.nspname::text AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
      ORDER BY 1 LIMIT ${MOST_SCHEMAS + 1}`,
    ),
  );
  if (found.length === 0) return undefined;
  const names = found.slice(0, MOST_SCHEMAS).map(({ schema }) => quoteName(schema));
  const role = quoteName(client.role);
  const more = found.length > MOST_SCHEMAS ? ' And the same of other schemas.' : '';
  // Not pg_read_all_data: that reads the hashes of all passwords too.
  return `As a superuser: GRANT USAGE ON SCHEMA ${names.join(', ')} TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA ${names.join(', ')} TO ${role};${more}`;
}
