import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../../lab/index.ts';
import type { Finding } from '../../../src/checks/contract.ts';
import { pause } from '../../proof.ts';

const COUNTED_MS = 10_000;

/** For seconds that grow while one looks: a finding is some seconds old, and that is little of many. */
export function grows({ value = Number.NaN }: Finding, native: number, says: string) {
  return { right: native >= LEAST_S && Math.abs(value - native) <= 0.25 * native, says };
}
const LEAST_S = 8;

/** Rows of the client's output, cells in each. */
export function cells(text: string): [string, ...string[]][] {
  return text.split('\n').map((line) => line.split('\t') as [string, ...string[]]);
}

/** By how much counters of the buffer pool grow in ten seconds. */
export async function grownPages(lab: Lab): Promise<{ requests: number; reads: number; seconds: number }> {
  const read = async () => {
    const rows = cells(await lab.mariadb('my1', "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read%';"));
    return (name: string) => Number(rows.find(([key]) => key === `Innodb_buffer_pool_${name}`)?.[1]);
  };
  const before = await read();
  await pause(COUNTED_MS);
  const after = await read();
  const more = (name: string) => after(name) - before(name);
  return { requests: more('read_requests'), reads: more('reads'), seconds: COUNTED_MS / 1000 };
}

/** Which part of all statements' time the patterns take that look so, over ten seconds. */
export async function shareOfTime(lab: Lab, pattern: RegExp): Promise<number> {
  const read = async () =>
    cells(
      await lab.mariadb(
        'my1',
        `SELECT CONCAT(IFNULL(SCHEMA_NAME, ''), ' ', IFNULL(DIGEST, '')), SUM_TIMER_WAIT / 1e12, LEFT(DIGEST_TEXT, 300)
         FROM performance_schema.events_statements_summary_by_digest;`,
      ),
    );
  const before = new Map((await read()).map(([id, seconds]) => [id, Number(seconds)]));
  await pause(COUNTED_MS);
  let [all, some] = [0, 0];
  for (const [id, seconds, text = ''] of await read()) {
    const more = Number(seconds) - (before.get(id) ?? 0);
    all += more;
    if (pattern.test(text)) some += more;
  }
  return some / all;
}

/** Lines of the reference that a dump of now lacks. */
export async function missingLines(lab: Lab): Promise<string[]> {
  const dump = (...words: readonly string[]) =>
    lab.exec('my1', ['mariadb-dump', '--no-defaults', '--skip-comments', ...words]);
  const now = [
    await dump('--no-data', 'shop'),
    await dump('--no-create-info', '--skip-extended-insert', 'shop', 'django_migrations'),
  ].join('\n');
  const there = new Set(now.split('\n'));
  const reference = readFileSync(join(lab.root, 'reference', 'crmdb.sql'), 'utf8');
  return reference.split('\n').filter((line) => !there.has(line));
}
