import type {
  Check,
  CollectContext,
  Finding,
  Measured,
  Place,
  System,
  Timed,
} from '../../../src/checks/contract.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView, judged } from '../../../src/schedule/judging.ts';
import { placesOf } from '../../../src/schedule/places.ts';

/** A shop's database with a replica, a tested schema to compare with, and a pooler before it. */
export function stackOf(urls: Readonly<Record<'primary' | 'db2' | 'reference' | 'pool', string>>): Stack {
  const { primary, db2, reference, pool } = urls;
  return new Stack(
    Config.parse({
      hosts: {},
      services: {
        shopdb: { kind: 'postgres', primary, replicas: { db2 }, reference, application: ['shop'] },
        pool: { kind: 'pgbouncer', admin: pool, before: 'shopdb' },
      },
    }),
  );
}

interface Seen {
  readonly timed: Timed<unknown>;
  readonly measured: Measured<object>;
}

/** Looks at every place of a system with all its collectors; a replica is asked for its replication alone. */
export class Looks {
  readonly places: readonly Place[];
  readonly #seen = new Map<string, Seen>();

  constructor(
    private readonly system: System,
    private readonly stack: Stack,
    private readonly context: (place: Place) => CollectContext,
  ) {
    this.places = placesOf(system, stack, new Map());
  }

  /** `fresh`: collectors that ask again for what they remember; so one look after another holds every statement. */
  async look(fresh: readonly string[] = []): Promise<void> {
    for (const place of this.places)
      for (const { id, collect, measure } of this.#collectors(place)) {
        const key = `${place.instance} ${id}`;
        const previous = this.#seen.get(key)?.timed;
        const snapshot: unknown = await collect(
          this.context(place),
          fresh.includes(id) ? undefined : previous,
        );
        const timed = { at: Date.now(), snapshot };
        this.#seen.set(key, { timed, measured: measure(previous, timed, place) });
      }
  }

  measured(instance: string): Measured<object> {
    const all = [...this.#seen]
      .filter(([key]) => key.startsWith(`${instance} `))
      .map(([, seen]) => seen.measured);
    return {
      readings: all.flatMap((one) => one.readings),
      facts: Object.assign({}, ...all.map((one) => one.facts)) as object,
    };
  }

  /** Of every check, at its own limits, over the places that were asked for what it needs. */
  findings(): Finding[] {
    const at = Math.max(...[...this.#seen.values()].map(({ timed }) => timed.at));
    return this.system.checks.flatMap((check: Check<object, object>) =>
      judged(check, {
        target: this.places[0]?.target ?? '',
        at,
        instances: this.places
          .filter((place) => check.needs.every((id) => this.#collectors(place).some((one) => one.id === id)))
          .map(({ instance }) => {
            const { readings, facts } = this.measured(instance);
            return instanceView(instance, at, readings, facts);
          }),
        history: new History(() => at),
        changes: [],
        thresholds: check.thresholds.parse({}),
        stack: this.stack,
      }),
    );
  }

  #collectors({ server }: Place) {
    return this.system.collectors.filter(({ id }) => server?.role !== 'replica' || id === 'replication');
  }
}
