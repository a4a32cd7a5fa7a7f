import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Sqlite from 'better-sqlite3';
import { type Driver, Kysely, SqliteDialect } from 'kysely';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { MIGRATIONS } from './migrations.ts';
import type { Database } from './schema.ts';

export interface Store {
  readonly db: Kysely<Database>;
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens the embedded store and brings its schema up to date, keeping a copy of the file first. A newer schema is
 * refused (STORE_NEWER). `memory` is for `check` and tests.
 */
export function openStore(path: string): Store {
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const sqlite = new Sqlite(path, { timeout: 5000 });
    // WAL with full sync: an answered row survives a power cut (journal, outbox and audit are promises).
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    migrate(sqlite, path);
    const db = new Kysely<Database>({ dialect: new Dialect(sqlite) });
    return { db, path, close: () => db.destroy() };
  } catch (thrown) {
    if (thrown instanceof WarroomError) throw thrown;
    throw new WarroomError('STORE_FULL', { path, problem: reason(thrown) }, thrown);
  }
}

/** SQLite itself undoes a transaction that a full disk broke; undoing it again would hide the reason. */
class Dialect extends SqliteDialect {
  constructor(private readonly sqlite: Sqlite.Database) {
    super({ database: sqlite });
  }

  override createDriver(): Driver {
    const driver = super.createDriver();
    const rollback = driver.rollbackTransaction.bind(driver);
    driver.rollbackTransaction = async (connection) => {
      if (this.sqlite.inTransaction) await rollback(connection);
    };
    return driver;
  }
}

function migrate(sqlite: Sqlite.Database, path: string): void {
  const found = Number(sqlite.pragma('user_version', { simple: true }));
  if (found > MIGRATIONS.length)
    throw new WarroomError('STORE_NEWER', { path, found, known: MIGRATIONS.length });
  if (found === MIGRATIONS.length) return;
  if (found > 0 && existsSync(path)) {
    sqlite.pragma('wal_checkpoint(TRUNCATE)');
    copyFileSync(path, `${path}.schema-${found}`);
  }
  sqlite.transaction(() => {
    for (const step of MIGRATIONS.slice(found)) sqlite.exec(step);
    sqlite.pragma(`user_version = ${MIGRATIONS.length}`);
  })();
}

/** The file of `sqlite:PATH`, from the working directory where it is relative. */
export function storePath(store: string): string {
  return resolve(store.replace(/^sqlite:/, ''));
}
