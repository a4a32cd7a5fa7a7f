import { readFileSync } from 'node:fs';
import { contextAt } from '../../../src/checks/context.ts';
import type { Check, CollectContext, Evidence, Place, Timed, Verdict } from '../../../src/checks/contract.ts';
import { memcached } from '../../../src/checks/memcached/index.ts';
import { Config } from '../../../src/config/schema.ts';
import { Secret } from '../../../src/config/secret.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { placesOf } from '../../../src/schedule/places.ts';
import type { Targets } from '../../../src/targets/contract.ts';
import { openTargets } from '../../../src/targets/targets.ts';

interface Kept {
  readonly timed: Timed<unknown>;
  readonly measured: ReturnType<(typeof memcached.collectors)[number]['measure']>;
}

/** Collects, measures, remembers and judges all servers of one service, as the watcher does. */
export class Rounds {
  now = Date.now();
  readonly history = new History(() => this.now);
  readonly stack: Stack;
  readonly places: readonly Place[];
  readonly targets: Targets;
  readonly #last = new Map<string, Kept>();

  constructor(service: Record<string, unknown>, config: Record<string, unknown> = {}) {
    this.stack = new Stack(
      Config.parse({ ...config, services: { cache: { kind: 'memcached', ...service } } }),
    );
    this.places = placesOf(memcached, this.stack, new Map());
    this.targets = openTargets(this.stack, (source) => new Secret(secretText(source)));
  }

  context(place = this.places[0] as Place, timeoutMs = 10_000): CollectContext {
    return contextAt(place, this.targets, AbortSignal.timeout(timeoutMs));
  }

  /** One round of a collector on every server. */
  async run(id: string, timeoutMs?: number): Promise<void> {
    const collector = memcached.collectors.find((one) => one.id === id);
    if (!collector) throw new Error(`There is no collector ${id}.`);
    await Promise.all(
      this.places.map(async (place) => {
        const key = `${id} ${place.instance}`;
        const previous = this.#last.get(key)?.timed;
        const snapshot: unknown = await collector.collect(this.context(place, timeoutMs), previous);
        const timed = { at: Date.now(), snapshot };
        this.now = timed.at;
        const measured = collector.measure(previous, timed, place);
        this.history.write(place.target, place.instance, timed.at, measured.readings);
        this.#last.set(key, { timed, measured });
      }),
    );
  }

  views() {
    return this.places.map(({ instance }) => {
      const all = [...this.#last]
        .filter(([key]) => key.endsWith(` ${instance}`))
        .map(([, one]) => one.measured);
      return instanceView(
        instance,
        this.now,
        all.flatMap((one) => one.readings),
        Object.assign({}, ...all.map((one) => one.facts)) as object,
      );
    });
  }

  judge<T>(check: Check<never, T>, thresholds: object = {}): readonly Verdict[] {
    const judge = check.judge as unknown as (input: object) => readonly Verdict[];
    return judge({
      target: 'cache',
      at: this.now,
      instances: this.views(),
      history: this.history,
      changes: [],
      thresholds: check.thresholds.parse(thresholds),
      stack: this.stack,
    });
  }

  show(view: string, words: readonly string[] = []): Promise<readonly Evidence[]> {
    const found = memcached.views.find((one) => one.name === view);
    if (!found) throw new Error(`There is no view ${view}.`);
    return found.show(this.context(), words);
  }

  close(): Promise<void> {
    return this.targets.close();
  }
}

/** Tests give a secret as the name of its variable, or as a file. */
function secretText(source: object): string {
  if ('file' in source) return readFileSync(String(source.file), 'utf8');
  return 'env' in source ? String(source.env).toLowerCase() : '';
}
