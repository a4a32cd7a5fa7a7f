import {
  type Column,
  defaultText,
  EXPRESSION,
  extraText,
  type Index,
  MIGRATION_TABLES,
  type Relation,
  type Schema,
  type Table,
  typeText,
} from './schema.ts';

/**
 * The structure in what `mysqldump --no-data` or `mariadb-dump --no-data` writes, with the rows of migration tables
 * where the file holds INSERTs of them. Statements of other kinds are passed over. A file that names no table gives none.
 */
export function parseDump(dump: string): Schema {
  const tables = new Map<string, Table>();
  const migrations = new Set<string>();
  let keepsMigrations = false;
  for (const statement of statements(dump)) {
    const created =
      /^CREATE TABLE (?:IF NOT EXISTS )?((?:`(?:[^`]|``)+`|\w+)(?:\.(?:`(?:[^`]|``)+`|\w+))?)\s*\(/i.exec(
        statement,
      );
    if (created) {
      const name = bare((created[1] as string).split(/\.(?=`|\w+$)/).at(-1) ?? '');
      const open = created[0].length;
      tables.set(name, tableOf(statement.slice(open, closing(statement, open))));
      if (Object.hasOwn(MIGRATION_TABLES, name)) keepsMigrations = true;
      continue;
    }
    const inserted = /^INSERT (?:IGNORE )?INTO (`(?:[^`]|``)+`|\w+)\s*(?:\(([^)]*)\))?\s*VALUES\s*/i.exec(
      statement,
    );
    const name = bare(inserted?.[1] ?? '');
    const wanted = Object.hasOwn(MIGRATION_TABLES, name) ? MIGRATION_TABLES[name] : undefined;
    if (!inserted || wanted === undefined) continue;
    const named = inserted[2]?.split(',').map((part) => bare(part.trim())) ?? [
      ...(tables.get(name)?.columns.keys() ?? []),
    ];
    for (const row of rowsOf(statement.slice(inserted[0].length)))
      migrations.add(wanted.map((column) => row[named.indexOf(column)] ?? '').join(' '));
  }
  return { tables, migrations, keepsMigrations };
}

/** Statements without comments and conditional comments; a semicolon in a string or a name ends none. */
function* statements(dump: string): Generator<string> {
  const token =
    /--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/;?|'(?:[^'\\]|\\[\s\S]|'')*'|`(?:[^`]|``)*`|;|[^-/'`;]+|[-/'`]/g;
  let parts: string[] = [];
  for (const [found] of dump.matchAll(token)) {
    if (found.startsWith('/*') || (found.startsWith('--') && /^--(\s|$)/.test(found))) continue;
    if (found !== ';') {
      parts.push(found);
      continue;
    }
    const whole = parts.join('').trim();
    parts = [];
    if (whole !== '') yield whole;
  }
}

/** Where the bracket that was opened before `from` closes. */
function closing(text: string, from: number): number {
  const token = /'(?:[^'\\]|\\[\s\S]|'')*'|`(?:[^`]|``)*`|[()]/g;
  token.lastIndex = from;
  let depth = 1;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    if (match[0] === '(') depth += 1;
    if (match[0] === ')') depth -= 1;
    if (depth === 0) return match.index;
  }
  return text.length;
}

/** Parts between commas that are in no bracket and no string. */
function parts(text: string): string[] {
  const token = /'(?:[^'\\]|\\[\s\S]|'')*'|`(?:[^`]|``)*`|[(),]|[^'`(),]+|['`]/g;
  const found: string[] = [];
  let part = '';
  let depth = 0;
  for (const [piece] of text.matchAll(token)) {
    if (piece === '(') depth += 1;
    if (piece === ')') depth -= 1;
    if (piece === ',' && depth === 0) {
      found.push(part.trim());
      part = '';
    } else part += piece;
  }
  return [...found, part.trim()].filter((one) => one !== '');
}

function tableOf(body: string): Table {
  const columns = new Map<string, Column>();
  const indexes: Index[] = [];
  const relations: Relation[] = [];
  for (const line of parts(body)) {
    const key =
      /^(?:CONSTRAINT\s+(?:(`(?:[^`]|``)+`|\w+)\s+)?)?(PRIMARY KEY|UNIQUE(?: KEY| INDEX)?|FULLTEXT(?: KEY| INDEX)?|SPATIAL(?: KEY| INDEX)?|KEY|INDEX)\s*(`(?:[^`]|``)+`|\w+)?[^(]*\(/i.exec(
        line,
      );
    const foreign =
      /^(?:CONSTRAINT\s+(`(?:[^`]|``)+`|\w+)\s+)?FOREIGN KEY\s*[^(]*\(([^)]*)\)\s*REFERENCES\s+(`(?:[^`]|``)+`|\w+)(?:\.(`(?:[^`]|``)+`|\w+))?\s*\(([^)]*)\)/i.exec(
        line,
      );
    if (foreign)
      relations.push({
        name: bare(foreign[1] ?? ''),
        columns: names(foreign[2] ?? ''),
        table: bare(foreign[4] ?? foreign[3] ?? ''),
        referenced: names(foreign[5] ?? ''),
      });
    else if (key) {
      const kind = (key[2] as string).toUpperCase();
      const inside = line.slice(key[0].length, closing(line, key[0].length));
      indexes.push({
        name: kind === 'PRIMARY KEY' ? 'PRIMARY' : bare(key[3] ?? key[1] ?? ''),
        unique: kind === 'PRIMARY KEY' || kind.startsWith('UNIQUE'),
        columns: parts(inside).map((part) =>
          part.startsWith('(') ? EXPRESSION : bare(part.replace(/\s+(ASC|DESC)$/i, '')),
        ),
      });
    } else if (!/^(CHECK|CONSTRAINT|PERIOD|PARTITION)\b/i.test(line)) {
      const [, name, rest] = /^(`(?:[^`]|``)+`|\w+)\s+([\s\S]+)$/.exec(line) ?? [];
      if (name !== undefined && rest !== undefined) columns.set(bare(name), columnOf(rest));
    }
  }
  return { columns, indexes, relations };
}

function columnOf(written: string): Column {
  const rest = written
    .replace(/\s+COMMENT\s+'(?:[^'\\]|\\[\s\S]|'')*'/i, '')
    .replace(/\s+(CHARACTER SET|COLLATE)\s+\w+/gi, '');
  const type =
    /^\w+(?:\s*\((?:[^()']|'(?:[^'\\]|''|\\.)*')*\))?(?:\s+(?:unsigned|zerofill|precision))*/i.exec(
      rest,
    )?.[0] ?? rest;
  const given =
    /\bDEFAULT\s+('(?:[^'\\]|\\[\s\S]|'')*'|[\w.+-]+(?:\(\d*\))?|\((?:[^()]|\([^()]*\))*\))/i.exec(rest)?.[1];
  const extra = [
    /\bAUTO_INCREMENT\b/i.exec(rest)?.[0],
    /\bON UPDATE\s+\w+(?:\(\d*\))?/i.exec(rest)?.[0],
    /\b(VIRTUAL|STORED|PERSISTENT)\b/i.test(rest)
      ? `${/\bVIRTUAL\b/i.test(rest) ? 'virtual' : 'stored'} generated`
      : undefined,
  ];
  return {
    type: typeText(type),
    nullable: !/\bNOT NULL\b/i.test(rest),
    default: defaultText(given),
    extra: extraText(extra.filter(Boolean).join(' ')),
  };
}

function* rowsOf(values: string): Generator<string[]> {
  for (const row of parts(values)) {
    if (!row.startsWith('(')) continue;
    yield parts(row.slice(1, closing(row, 1))).map((cell) =>
      cell
        .replace(/^'(.*)'$/s, '$1')
        .replaceAll("''", "'")
        .replace(/\\(.)/gs, '$1'),
    );
  }
}

function names(list: string): string[] {
  return parts(list).map(bare);
}

/** A name without its quotes; the length of a part of a column stays: `name`(10) -> name(10). */
function bare(name: string): string {
  return name.trim().replace(/^`((?:[^`]|``)*)`/, (_, inner: string) => inner.replaceAll('``', '`'));
}
