import { celery } from '../../../src/checks/celery/index.ts';
import { contextAt } from '../../../src/checks/context.ts';
import type { Check, CollectContext, Evidence, Place, Timed, Verdict } from '../../../src/checks/contract.ts';
import { Config } from '../../../src/config/schema.ts';
import { Secret } from '../../../src/config/secret.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { placesOf } from '../../../src/schedule/places.ts';
import type { Broker } from '../../../src/targets/celery/contract.ts';
import { brokerLink } from '../../../src/targets/celery/links.ts';
import type { Targets } from '../../../src/targets/contract.ts';
import { openTargets } from '../../../src/targets/targets.ts';

interface Kept {
  readonly timed: Timed<unknown>;
  readonly measured: ReturnType<(typeof celery.collectors)[number]['measure']>;
}

/** Collects, measures, remembers and judges one service, as the watcher does. */
export class Rounds {
  now = Date.now();
  readonly history = new History(() => this.now);
  readonly stack: Stack;
  readonly place: Place;
  readonly targets: Targets;
  readonly #last = new Map<string, Kept>();

  /** The broker's URL may hold a password: it is given as a secret. */
  constructor(
    url: string,
    service: Record<string, unknown> = {},
    config: Record<string, unknown> = {},
    readonly secrets: Record<string, string> = {},
  ) {
    this.stack = new Stack(
      Config.parse({
        ...config,
        services: { tasks: { kind: 'celery', broker: { env: 'BROKER' }, ...service } },
      }),
    );
    [this.place] = placesOf(celery, this.stack, new Map()) as [Place];
    this.targets = openTargets(
      this.stack,
      (source) =>
        new Secret('env' in source ? ({ BROKER: url, ...this.secrets }[String(source.env)] ?? '') : ''),
    );
  }

  context(timeoutMs = 10_000): CollectContext {
    return contextAt(this.place, this.targets, AbortSignal.timeout(timeoutMs));
  }

  /** Works with the broker's kept client, as collectors do. */
  use<R>(work: (broker: Broker) => Promise<R>, timeoutMs?: number): Promise<R> {
    const { keyPrefix, broker } = this.stack.service('tasks', 'celery')?.config ?? {};
    if (broker === undefined) throw new Error('no broker');
    return this.context(timeoutMs).link(brokerLink(keyPrefix ?? ''), broker, work);
  }

  /** One round of each of these collectors. */
  async run(...ids: readonly string[]) {
    for (const id of ids) await this.#one(id);
    return this.view();
  }

  async #one(id: string, timeoutMs?: number): Promise<void> {
    const collector = celery.collectors.find((one) => one.id === id);
    if (!collector) throw new Error(`There is no collector ${id}.`);
    const previous = this.#last.get(id)?.timed;
    const snapshot: unknown = await collector.collect(this.context(timeoutMs), previous);
    const timed = { at: Date.now(), snapshot };
    this.now = timed.at;
    const measured = collector.measure(previous, timed, this.place);
    this.history.write('tasks', this.place.instance, timed.at, measured.readings);
    this.#last.set(id, { timed, measured });
  }

  /** As if nothing had been read before. */
  forget(id: string): void {
    this.#last.delete(id);
  }

  view() {
    const all = [...this.#last.values()].map((one) => one.measured);
    return instanceView(
      this.place.instance,
      this.now,
      all.flatMap((one) => one.readings),
      Object.assign({}, ...all.map((one) => one.facts)) as object,
    );
  }

  /** `later`: milliseconds after the last round. */
  judge<T>(check: Check<never, T>, thresholds: object = {}, later = 0): readonly Verdict[] {
    const judge = check.judge as unknown as (input: object) => readonly Verdict[];
    return judge({
      target: 'tasks',
      at: this.now + later,
      instances: [this.view()],
      history: this.history,
      changes: [],
      thresholds: check.thresholds.parse(thresholds),
      stack: this.stack,
    });
  }

  show(view: string, words: readonly string[] = []): Promise<readonly Evidence[]> {
    const found = celery.views.find((one) => one.name === view);
    if (!found) throw new Error(`There is no view ${view}.`);
    return found.show(this.context(), words);
  }

  close(): Promise<void> {
    return this.targets.close();
  }
}
