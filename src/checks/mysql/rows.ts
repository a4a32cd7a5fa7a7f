import type { MysqlRow } from '../../targets/mysql-link.ts';

/** Text of a column; empty when it is NULL or not there. */
export function text(row: MysqlRow, name: string): string {
  const value = row.get(name);
  return value === null || value === undefined ? '' : String(value);
}

/** Number of a column, also where the server gives it as text; undefined when it is NULL, not there or none. */
export function number(row: MysqlRow, name: string): number | undefined {
  const value = row.get(name);
  if (value === null || value === undefined || value === '') return undefined;
  const found = Number(value);
  return Number.isFinite(found) ? found : undefined;
}

/** More than anything can last: what a server says when its clock went back. */
const LONGEST_S = 10 * 366 * 86_400;

/** Seconds that something lasts; 0 when the server's clock made it negative or absurd. */
export function seconds(row: MysqlRow, name: string, per = 1): number | undefined {
  const value = number(row, name);
  if (value === undefined) return undefined;
  return value < 0 || value / per > LONGEST_S ? 0 : value / per;
}

/** A name as an identifier of a statement; for names that the catalogue gave. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** `10.77.0.21:44312` -> `10.77.0.21`; undefined for a socket of the server's own machine. */
export function addressOf(host: string): string | undefined {
  const address = host.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([^:]*):\d+$/, '$1');
  return address === '' || address === 'localhost' ? undefined : address;
}
