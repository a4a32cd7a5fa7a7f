import { readFileSync } from 'node:fs';
import type { Lab } from '../../../lab/index.ts';
import { referenceFile } from '../../../lab/services/seed.ts';
import { asUser } from '../../../lab/services/service.ts';
import { grown } from './native.ts';

/** Rows of psql's output as a superuser on the primary, or on another host. */
export async function asked(lab: Lab, sql: string, host = 'db1'): Promise<string[][]> {
  const text = await lab.psql(host, sql);
  return text === '' ? [] : text.split('\n').map((line) => line.split('|'));
}

/** Figures by name, as a statement gives them. */
export async function figuresOf(lab: Lab, sql: string): Promise<Record<string, number>> {
  return Object.fromEntries((await asked(lab, sql)).map(([name = '', value]) => [name, Number(value)]));
}

/** Which part of all statements' time was spent on those that a condition picks, in some seconds. */
export async function shareOfTime(lab: Lab, condition: string, seconds: number): Promise<number> {
  const sql = `SELECT CASE WHEN ${condition} THEN 'some' ELSE 'others' END, sum(total_exec_time)
    FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE rolname NOT IN ('warroom', 'postgres') GROUP BY 1`;
  const { some = 0, others = 0 } = await grown(() => figuresOf(lab, sql), seconds);
  return some / (some + others);
}

/** What PgBouncer's own console shows of its pools. */
export async function showPools(lab: Lab): Promise<Record<string, string>[]> {
  const script = `export PGPASSWORD='${lab.passwords.postgres.warroom}'
exec psql -X -q -A -h 127.0.0.1 -p 6432 -U warroom -d pgbouncer -P footer=off -c 'SHOW POOLS'
`;
  const [head = '', ...rows] = (await lab.exec('db1', ['sh', '-s'], { input: script })).trim().split('\n');
  const names = head.split('|');
  return rows.map((row) => Object.fromEntries(row.split('|').map((cell, i) => [names[i] ?? '', cell])));
}

/** Lines of the reference that a dump of now lacks. */
export async function missingLines(lab: Lab): Promise<string[]> {
  const dump = (...words: readonly string[]) =>
    lab.exec('db1', [...asUser('postgres').split(' '), 'pg_dump', ...words, 'shop']);
  const now = [
    await dump('--schema-only'),
    await dump('--data-only', '--inserts', '--table=django_migrations'),
  ].join('\n');
  const there = new Set(now.split('\n'));
  const reference = readFileSync(referenceFile(lab.root, 'shopdb'), 'utf8');
  return reference.split('\n').filter((line) => !there.has(line) && !line.startsWith('\\'));
}
