import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Who has a password in which server. `warroom` reads and `warroom_act` acts; `report` is a client from outside, and
 * `repl` replicates. PgBouncer passes the roles of PostgreSQL on.
 */
export const ROLES = ['shop', 'warroom', 'warroom_act', 'report', 'repl'] as const;
export type Role = (typeof ROLES)[number];

export interface Passwords {
  readonly postgres: Readonly<Record<Role, string>>;
  readonly mysql: Readonly<Record<Role, string>>;
  readonly redis: string;
  readonly rabbitmq: Readonly<Record<'shop' | 'warroom', string>>;
}

/** The passwords of this lab, drawn at its first start; nobody but the owner of the folder may read them. */
export function passwordsOf(root: string): Passwords {
  const file = passwordsFile(root);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Passwords;
  const roles = () => Object.fromEntries(ROLES.map((role) => [role, draw()])) as Record<Role, string>;
  const rabbitmq = { shop: draw(), warroom: draw() };
  const passwords: Passwords = { postgres: roles(), mysql: roles(), redis: draw(), rabbitmq };
  mkdirSync(secretsDir(root), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(passwords, null, 2), { mode: 0o600 });
  return passwords;
}

export function secretsDir(root: string): string {
  return join(root, 'secrets');
}

export function passwordsFile(root: string): string {
  return join(secretsDir(root), 'passwords.json');
}

/** Writes a secret that the config names, and gives the config's words for it. */
export function secretFile(root: string, name: string, value: string): { file: string } {
  const file = join(secretsDir(root), name);
  writeFileSync(file, `${value}\n`, { mode: 0o600 });
  return { file };
}

/** Neither shells nor SQL nor URLs need quotes for it. */
function draw(): string {
  return randomBytes(18).toString('hex');
}
