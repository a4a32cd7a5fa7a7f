import { vi } from 'vitest';
import type { CollectContext, Place, System } from '../../../src/checks/contract.ts';
import { DirectTarget } from '../../../src/targets/direct.ts';
import type { PgbouncerClient, PostgresClient } from '../../../src/targets/postgres-link.ts';
import { Looks, stackOf } from './looks.ts';
import { answerOf, oneLine, type Recording, type Row, refusedAgain } from './recording.ts';

export const URLS = {
  primary: 'postgres://warroom@10.0.0.51/shop',
  db2: 'postgres://warroom@10.0.0.52/shop',
  reference: 'postgres://warroom@10.0.0.61/tested',
  pool: 'postgres://warroom@10.0.0.41:6432/pgbouncer',
};
const AT = Date.UTC(2026, 10, 26);
/** Two looks lie this far apart, however long the recorder took: a figure can be divided by hand. */
export const BETWEEN_S = 20;

/** A client of both kinds whose every statement is answered by `answer`. */
export function standIn(
  answer: (ask: string, values: readonly unknown[]) => readonly Row[],
  about: Partial<Pick<PostgresClient, 'role' | 'database' | 'version'>> = {},
): PostgresClient & PgbouncerClient {
  const rows = async (ask: string, values: readonly unknown[] = []) =>
    answer(oneLine(ask), values).map((row) => ({ ...row }));
  return {
    role: 'warroom',
    database: 'shop',
    version: 150_020,
    ...about,
    remembered: new Map(),
    rows,
    show: (command) => rows(command),
    end: () => undefined,
  };
}

/** What a collector is given at a place; `clients` gives the stand-in for a URL of the stack. */
export function contextWith(
  place: Place,
  clients: (url: unknown) => PostgresClient & PgbouncerClient,
): CollectContext {
  return {
    place,
    target: new DirectTarget(place.instance),
    signal: AbortSignal.timeout(10_000),
    link: (_kind, source, work) => work(clients(source) as never),
  };
}

export interface Replayed {
  readonly looks: Looks;
  /** Answers of the recording that no collector asked for. */
  readonly unasked: readonly string[];
}

/** The real collectors and measures over what servers once answered. A statement that was not recorded fails. */
export async function replay(system: System, recording: Recording): Promise<Replayed> {
  let look = 1;
  const used = new Set<string>();
  const clients = new Map(
    Object.entries(URLS).map(([server, url]) => [
      url,
      standIn((ask, values) => {
        const at = `${server} ${look}`;
        const answer = answerOf(recording.asked.find((one) => one.ask === ask)?.answers ?? [], at, values);
        if (!answer)
          throw new Error(`${at} was not asked when it was recorded: ${ask} ${JSON.stringify(values)}`);
        used.add(`${at}: ${ask} ${JSON.stringify(values)}`);
        if (answer.refused) throw refusedAgain(answer.refused);
        return answer.rows ?? [];
      }, recording.servers[server]),
    ]),
  );
  const looks = new Looks(system, stackOf(URLS), (place) =>
    contextWith(place, (url) => clients.get(String(url)) ?? standIn(() => [])),
  );
  vi.useFakeTimers({ toFake: ['Date'], now: AT });
  try {
    for (; look <= recording.looks; look++) {
      vi.setSystemTime(AT + (look - 1) * BETWEEN_S * 1000);
      await looks.look();
    }
  } finally {
    vi.useRealTimers();
  }
  const all = recording.asked.flatMap(({ ask, answers }) =>
    answers.flatMap(({ at, values = [] }) => at.map((one) => `${one}: ${ask} ${JSON.stringify(values)}`)),
  );
  return { looks, unasked: all.filter((one) => !used.has(one)) };
}

/** What is reviewed of a replay: the readings of its last look, and what the checks make of it. */
export function reviewed(looks: Looks): string {
  const readings = looks.places.flatMap(({ instance }) =>
    looks
      .measured(instance)
      .readings.map(({ metric, value, unit }) => `${instance} ${metric} ${value} ${unit}`),
  );
  const findings = looks.findings().map(({ check, subject, level, cleared, basis, summary, advice }) => {
    return { check, subject, level, cleared, basis, summary, advice };
  });
  return `${JSON.stringify({ readings, findings }, null, 1)}\n`;
}
