import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { CollectContext } from '../../../src/checks/contract.ts';
import { type ErrorCode, type ErrorFields, WarroomError } from '../../../src/errors/catalogue.ts';
import type { PgbouncerClient, PostgresClient } from '../../../src/targets/postgres-link.ts';

export const FIXTURES = join(import.meta.dirname, '..', '..', 'fixtures');

export type Row = Readonly<Record<string, unknown>>;

/** An error as a collector met it; `state` to `words` are the server's own. */
interface Refused {
  readonly code: ErrorCode;
  readonly fields: ErrorFields;
  readonly state: string;
  readonly severity: string;
  readonly words: string;
}

interface Answer {
  /** Who gave it in which look, as the stack calls the servers: "primary 1", "db2 2". */
  readonly at: readonly string[];
  readonly values?: readonly unknown[];
  readonly rows?: readonly Row[];
  readonly refused?: Refused;
}

/** One statement, on one line, and all that it was answered. */
interface Asked {
  readonly ask: string;
  readonly answers: readonly Answer[];
}

interface SignedIn {
  readonly role: string;
  readonly database: string;
  readonly version: number;
}

export interface Recording {
  readonly looks: number;
  /** Of those that speak SQL; the console of a pooler has nothing to tell. */
  readonly servers: Readonly<Record<string, SignedIn>>;
  readonly asked: readonly Asked[];
}

export type Client = PostgresClient | PgbouncerClient;

export function speaksSql(client: Client): client is PostgresClient {
  return 'rows' in client;
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** As a word of its own: a port is no part of a longer number. */
function whole(word: string): RegExp {
  return new RegExp(`(?<![\\w.])${word.replace(/[^\w]/g, '\\$&')}(?!\\w|\\.\\d)`, 'g');
}

/** Listens to what collectors ask of real servers. `servers`: the URL by which the stack reaches each, and its name. */
export class Recorder {
  look = 1;
  readonly #servers: Record<string, SignedIn> = {};
  readonly #asked = new Map<string, Answer[]>();

  constructor(private readonly servers: Readonly<Record<string, string>>) {}

  listening(context: CollectContext): CollectContext {
    return {
      ...context,
      link: (kind, source, work, from) =>
        context.link(
          kind,
          source,
          (client) => work(this.#heard(client as unknown as Client, this.#name(source)) as typeof client),
          from,
        ),
    };
  }

  /** `hidden`: what belongs to this machine, and what stands for it. */
  recording(hidden: ReadonlyMap<string, string>): Recording {
    const asked = [...this.#asked].map(([ask, answers]) => ({ ask, answers }));
    const text = JSON.stringify({ looks: this.look, servers: this.#servers, asked });
    const clean = [...hidden].reduce((shown, [from, to]) => shown.replace(whole(from), to), text);
    return JSON.parse(clean) as Recording;
  }

  #name(source: unknown): string {
    const found = Object.entries(this.servers).find(([, url]) => url === source)?.[0];
    if (found === undefined) throw new Error(`no server of the stage is at ${JSON.stringify(source)}`);
    return found;
  }

  #heard(client: Client, server: string): unknown {
    if (!speaksSql(client))
      return {
        ...client,
        show: (ask: string) => this.#hear(server, ask, [], () => client.show(ask as 'SHOW POOLS')),
      };
    const { role, database, version } = client;
    this.#servers[server] = { role, database, version };
    return {
      ...client,
      rows: (ask: string, values: readonly unknown[] = []) =>
        this.#hear(server, ask, values, () => client.rows(ask, values)),
    };
  }

  async #hear(
    server: string,
    ask: string,
    values: readonly unknown[],
    answer: () => Promise<Record<string, unknown>[]>,
  ) {
    const keep = (told: Pick<Answer, 'rows' | 'refused'>) =>
      this.#keep(oneLine(ask), server, { ...(values.length > 0 ? { values } : {}), ...told });
    try {
      const rows = await answer();
      keep({ rows });
      return rows;
    } catch (thrown) {
      const refused = refusal(thrown);
      if (refused) keep({ refused });
      throw thrown;
    }
  }

  #keep(ask: string, server: string, told: Omit<Answer, 'at'>): void {
    const at = `${server} ${this.look}`;
    const kept = this.#asked.get(ask) ?? [];
    const same = kept.find(({ at: _, ...rest }) => isDeepStrictEqual(rest, told));
    const before = answerOf(kept, at, told.values ?? []);
    // A replay could not tell which of the two is meant.
    if (before && before !== same) throw new Error(`two answers in one look: ${ask}`);
    if (before) return;
    const now = { at: [...(same?.at ?? []), at], ...told };
    this.#asked.set(ask, same ? kept.map((one) => (one === same ? now : one)) : [...kept, now]);
  }
}

export function answerOf(
  answers: readonly Answer[],
  at: string,
  values: readonly unknown[],
): Answer | undefined {
  return answers.find((one) => one.at.includes(at) && isDeepStrictEqual(one.values ?? [], [...values]));
}

function refusal(thrown: unknown): Refused | undefined {
  if (!(thrown instanceof WarroomError)) return undefined;
  const { code, severity, message } = (thrown.cause ?? {}) as Partial<Record<string, string>>;
  return {
    code: thrown.code,
    fields: thrown.fields,
    state: code ?? '',
    severity: severity ?? '',
    words: message ?? '',
  };
}

/** What the collector met, as the real client throws it. */
export function refusedAgain({ code, fields, state, severity, words }: Refused): WarroomError {
  return new WarroomError(code, fields, Object.assign(new Error(words), { code: state, severity }));
}

/** A row a line: the difference of two recordings can be read. */
export function keepRecording(folder: string, { looks, servers, asked }: Recording, about: string): void {
  const lines = (all: readonly unknown[]) =>
    all.length === 0 ? '[]' : `[\n${all.map((one) => `   ${JSON.stringify(one)}`).join(',\n')}\n  ]`;
  const answer = ({ rows, ...rest }: Answer) => {
    const told = JSON.stringify(rest).slice(0, -1);
    return `  ${told}${rows ? `,"rows":${lines(rows)}` : ''}}`;
  };
  const statements = asked.map(
    ({ ask, answers }) =>
      ` {"ask":${JSON.stringify(ask)},"answers":[\n${answers.map(answer).join(',\n')}\n ]}`,
  );
  const text = `{"looks":${looks},"servers":${JSON.stringify(servers)},"asked":[\n${statements.join(',\n')}\n]}\n`;
  if (text.includes(`${tmpdir()}/`) || whole(hostname()).test(text))
    throw new Error(`a path or the name of this machine is in ${folder}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'asked.json'), text);
  writeFileSync(join(folder, 'source.md'), about);
}

export function readRecording(folder: string): Recording {
  return JSON.parse(readFileSync(join(folder, 'asked.json'), 'utf8')) as Recording;
}

/** What stays the same however often a case is recorded: who is asked what in which look, and the columns of it. */
export function shapeOf({ asked }: Recording) {
  const sorted = (all: readonly string[]) => [...new Set(all)].sort();
  return Object.fromEntries(
    asked.map(({ ask, answers }) => [
      ask,
      {
        at: sorted(answers.flatMap((one) => one.at)),
        columns: sorted(answers.flatMap(({ rows = [] }) => rows.flatMap((row) => Object.keys(row)))),
        refused: answers.flatMap(({ refused }) => refused?.state ?? []),
      },
    ]),
  );
}
