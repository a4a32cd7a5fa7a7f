import { columnText, indexPart, MIGRATION_TABLES, oneLine, type Part, type Schema } from './schema.ts';

const NAME = String.raw`(?:"(?:[^"]|"")*"|[^\s"().,;]+)`;
const TABLE = `(${NAME}\\.${NAME})`;
const CREATE_TABLE = new RegExp(`^CREATE (?:UNLOGGED )?TABLE ${TABLE} \\((.*)$`, 's');
const PARTITION_OF = new RegExp(`^ALTER TABLE (?:ONLY )?${NAME}\\.${NAME} ATTACH PARTITION ${TABLE}`);
const ADD_CONSTRAINT = new RegExp(`^ALTER TABLE (?:ONLY )?${TABLE} ADD CONSTRAINT (${NAME}) (.*)$`, 's');
const COPY = new RegExp(`^COPY ${TABLE} \\(([^)]*)\\) FROM stdin$`);
const INSERT = new RegExp(
  `^INSERT INTO ${TABLE} (?:\\(([^)]*)\\) )?(?:OVERRIDING SYSTEM VALUE )?VALUES\\s*(.*)$`,
  's',
);
const COLLATE = `(?: COLLATE ${NAME}(?:\\.${NAME})?)?`;
/** A column's type ends where the first of these begins. From 18 on a NOT NULL may have a name. */
const COLUMN = new RegExp(
  `^(${NAME}) (.*?)${COLLATE}(?: DEFAULT (.*?))?( GENERATED .*?)?( (?:CONSTRAINT ${NAME} )?NOT NULL)?${COLLATE}$`,
  's',
);

/**
 * What `pg_dump --schema-only` writes, with the rows of migration tables where the dump has them (as COPY or INSERT).
 * What is not compared (functions, sequences, rights) is passed over; partitions are their parents' business.
 */
export function parseDump(text: string): Schema {
  const tables = new Map<string, Map<string, string>>();
  const order = new Map<string, string[]>();
  const indexes: Part[] = [];
  const constraints: Part[] = [];
  const migrations = new Map<string, Set<string>>();
  const partitions = new Set<string>();
  const note = (table: string, columns: readonly string[], row: readonly string[]) => {
    const bare = table.slice(table.indexOf('.') + 1);
    const naming = MIGRATION_TABLES.get(bare);
    if (!naming) return;
    const cells = naming.map((name) => row[columns.indexOf(name)] ?? '');
    migrations.set(bare, (migrations.get(bare) ?? new Set()).add(cells.join('.')));
  };
  for (const { sql, data } of statements(text)) {
    const created = CREATE_TABLE.exec(sql);
    if (created) {
      const [, table = '', body = ''] = created;
      const columns = new Map<string, string>();
      for (const part of topLevel(body, true)) readPart(part, table, columns, constraints);
      tables.set(table, columns);
      order.set(table, [...columns.keys()]);
      continue;
    }
    const index = indexPart(sql);
    if (index) indexes.push(index);
    const partition = PARTITION_OF.exec(sql)?.[1];
    if (partition !== undefined) partitions.add(partition);
    const [, table, name, definition] = ADD_CONSTRAINT.exec(sql) ?? [];
    if (
      table !== undefined &&
      name !== undefined &&
      definition !== undefined &&
      !/^NOT NULL/.test(definition)
    )
      constraints.push({ table, name, definition: oneLine(definition) });
    const copy = COPY.exec(sql);
    if (copy) for (const row of data) note(copy[1] as string, list(copy[2] as string), row.split('\t'));
    const insert = INSERT.exec(sql);
    if (insert) {
      const [, into = '', columns, values = ''] = insert;
      for (const row of tuples(values))
        note(into, columns === undefined ? (order.get(into) ?? []) : list(columns), row);
    }
  }
  const whole = (part: Part) => !partitions.has(part.table);
  for (const partition of partitions) tables.delete(partition);
  return { tables, indexes: indexes.filter(whole), constraints: constraints.filter(whole), migrations };
}

function readPart(part: string, table: string, columns: Map<string, string>, constraints: Part[]): void {
  const [, name, definition] = new RegExp(`^CONSTRAINT (${NAME}) (.*)$`, 's').exec(part) ?? [];
  if (name !== undefined && definition !== undefined) {
    if (!/^NOT NULL/.test(definition)) constraints.push({ table, name, definition: oneLine(definition) });
    return;
  }
  const column = COLUMN.exec(part);
  if (!column) return;
  const [, called = '', type = '', fallback = '', , notNull] = column;
  columns.set(called, columnText(type, fallback, notNull !== undefined));
}

interface Statement {
  readonly sql: string;
  /** Lines behind a COPY. */
  readonly data: readonly string[];
}

/** Statements on one line each, comments left out. Quotes and dollar quotes are passed over whole. */
function* statements(text: string): Generator<Statement> {
  const token =
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|;|^\\[^\n]*/gm;
  let start = 0;
  let sql = '';
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const [word] = found;
    sql += text.slice(start, found.index);
    start = token.lastIndex;
    if (word !== ';') {
      if (!word.startsWith('--') && !word.startsWith('/*') && !word.startsWith('\\')) sql += word;
      continue;
    }
    const whole = oneLine(sql);
    sql = '';
    if (!/ FROM stdin$/.test(whole)) {
      yield { sql: whole, data: [] };
      continue;
    }
    const from = text.indexOf('\n', start) + 1;
    const end = text.indexOf('\n\\.', from - 1);
    const until = from === 0 || end < 0 ? text.length : end;
    yield { sql: whole, data: text.slice(from, until).split('\n').filter(Boolean) };
    start = Math.min(text.length, until + 3);
    token.lastIndex = start;
  }
}

/** Splits at commas outside of brackets and quotes; `bracketed` ends where the bracket does in which it stands. */
function topLevel(body: string, bracketed = false): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[(),]/g;
  for (let found = token.exec(body); found; found = token.exec(body)) {
    if (found[0] === '(') depth += 1;
    else if (found[0] === ')') {
      if (bracketed && depth === 0) return clean([...parts, body.slice(from, found.index)]);
      depth -= 1;
    } else if (found[0] === ',' && depth === 0) {
      parts.push(body.slice(from, found.index));
      from = token.lastIndex;
    }
  }
  return clean([...parts, body.slice(from)]);
}

function clean(parts: readonly string[]): string[] {
  return parts.map(oneLine).filter(Boolean);
}

/** "(1, 'shop', '0001'), (…)" -> rows of bare values. */
function tuples(values: string): string[][] {
  return topLevel(values).map((tuple) =>
    topLevel(tuple.replace(/^\(|\)$/g, '')).map((cell) =>
      cell.replace(/^'([\s\S]*)'$/, '$1').replaceAll("''", "'"),
    ),
  );
}

function list(columns: string): string[] {
  return columns.split(',').map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
}
