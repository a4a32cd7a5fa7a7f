import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ServerSource } from '../../config/schema.ts';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { type MysqlClient, mysqlLink } from '../../targets/mysql-link.ts';
import type { CollectContext } from '../contract.ts';
import { plain } from '../rate.ts';
import { withServer } from './collect.ts';
import { compareSchemas, MOST_DIFFERENCES } from './drift.ts';
import { parseDump } from './dump.ts';
import type { Drift, TableSize, UnindexedRelation } from './facts.ts';
import { type Catalogue, readCatalogue } from './read-schema.ts';
import { unindexedRelations } from './relations.ts';
import { quoted } from './rows.ts';
import type { Schema } from './schema.ts';

/** Undefined on a replica: it has what its primary has. */
export interface CatalogueSnapshot {
  readonly tables: readonly TableSize[];
  readonly unindexed: readonly UnindexedRelation[];
  /** Undefined where the config names no reference. */
  readonly drift: Drift | undefined;
}

const MOST_DUMP_BYTES = 16 * 1024 * 1024;

export async function collectCatalogue(context: CollectContext): Promise<CatalogueSnapshot | undefined> {
  if (context.place.server?.role === 'replica') return undefined;
  const { catalogue, database, main } = await withServer(context, async (client) => {
    const found = await readCatalogue(client);
    if (found.sizes.length === 0) throw noTables(client, context.place.instance);
    return { catalogue: found, ...mainSchema(found, client.database) };
  });
  return {
    tables: catalogue.sizes,
    unindexed: unindexedRelations(catalogue),
    drift: await driftOf(context, main, database),
  };
}

/** A server on which we see no table: its database is hardly empty, our right to it is missing. */
function noTables(client: MysqlClient, target: string): WarroomError {
  const [grant, name] =
    client.database === undefined
      ? ['shop', "; with the name of the application's database, which belongs into the URL too"]
      : [quoted(plain(client.database, 64)), ''];
  return new WarroomError('NO_RIGHT', {
    target,
    what: "see the application's tables",
    mend: `On the server: GRANT SELECT ON ${grant}.* TO ${client.account};${name}`,
  });
}

/** The database that the URL names, else the only one. */
function mainSchema(
  found: Catalogue,
  named: string | undefined,
): { database: string; main: Schema | undefined } {
  const database = named ?? (found.schemas.size === 1 ? ([...found.schemas.keys()][0] as string) : '');
  return { database, main: found.schemas.get(database) };
}

async function driftOf(
  context: CollectContext,
  here: Schema | undefined,
  database: string,
): Promise<Drift | undefined> {
  const reference = context.place.stack.service(context.place.target, 'mysql')?.config.reference;
  if (reference === undefined) return undefined;
  const named =
    typeof reference === 'string' && !/^(mysql|mariadb):/.test(reference)
      ? basename(reference)
      : 'the reference server';
  const problem = (text: string): Drift => ({ reference: named, differences: [], tables: 0, problem: text });
  if (here === undefined)
    return problem('it is not known which database to compare: name it in the URL, mysql://…/shop.');
  try {
    const other =
      named === 'the reference server'
        ? await serverSchema(context, reference as ServerSource, database)
        : await dumpSchema(reference as string);
    if (other.tables.size === 0) return problem('it holds no table.');
    return {
      reference: named,
      differences: compareSchemas(here, other).slice(0, MOST_DIFFERENCES),
      tables: other.tables.size,
      problem: undefined,
    };
  } catch (thrown) {
    return problem(plain(reason(thrown), 300));
  }
}

/** Dumps change seldom: one that has the same time and size is not parsed again. */
const parsed = new Map<string, { readonly version: string; readonly schema: Schema }>();

async function dumpSchema(path: string): Promise<Schema> {
  const { mtimeMs, size } = await stat(path);
  if (size > MOST_DUMP_BYTES) throw new Error('it is over 16 MiB: make it with --no-data');
  const version = `${mtimeMs} ${size}`;
  const known = parsed.get(path);
  if (known?.version === version) return known.schema;
  const schema = parseDump(await readFile(path, 'utf8'));
  parsed.set(path, { version, schema });
  return schema;
}

/** The database that the reference's URL names, else the one of the same name there. */
function serverSchema(context: CollectContext, source: ServerSource, database: string): Promise<Schema> {
  return context.link(mysqlLink, source, async (client) => {
    const wanted = client.database ?? database;
    const found = (await readCatalogue(client, wanted)).schemas.get(wanted);
    if (found === undefined) throw new Error(`our account sees no table of ${wanted} there`);
    return found;
  });
}
