import type { Check, Collector, JudgeInput, Place, Timed, Verdict } from '../../../src/checks/contract.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import type { PartHealth } from '../../../src/health/health.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import type { Target } from '../../../src/targets/contract.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { noLink } from '../no-link.ts';

export function stackOf(services: Record<string, unknown>, hosts: readonly string[] = ['here']): Stack {
  return new Stack(
    Config.parse({ hosts: Object.fromEntries(hosts.map((name) => [name, { local: true }])), services }),
  );
}

export function placeOf(stack: Stack, service: string, instance = 'here'): Place {
  const found = stack.services.get(service);
  const host = stack.hosts.get(instance);
  if (!found || !host) throw new Error(`no ${service} on ${instance}`);
  return { system: found.kind, target: service, instance, host, service: found, stack };
}

export function contextOf(place: Place, target: Target = new LocalTarget('here', 'reading')) {
  return { place, target, signal: AbortSignal.timeout(15_000), link: noLink };
}

/** Collects, measures and remembers, as the watcher does. */
export class Rounds {
  now = 0;
  readonly history = new History(() => this.now);
  readonly #last = new Map<
    string,
    { timed: Timed<unknown>; measured: ReturnType<Collector<unknown, object>['measure']> }
  >();

  constructor(
    private readonly place: Place,
    private readonly target: Target = new LocalTarget('here', 'reading'),
  ) {}

  async run(collector: Collector<unknown, object>) {
    const previous = this.#last.get(collector.id)?.timed;
    const snapshot: unknown = await collector.collect(contextOf(this.place, this.target), previous);
    const timed = { at: Date.now(), snapshot };
    this.now = timed.at;
    const measured = collector.measure(previous, timed, this.place);
    this.history.write(this.place.target, this.place.instance, timed.at, measured.readings);
    this.#last.set(collector.id, { timed, measured });
    return this.view();
  }

  get stack(): Stack {
    return this.place.stack;
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

  judge<T>(check: Check<never, T>, thresholds: object = {}): readonly Verdict[] {
    const judge = check.judge as unknown as (input: JudgeInput<object, T>) => readonly Verdict[];
    return judge({
      ...inputOf(this.place.stack, this.place.target, this.history, this.now),
      instances: [this.view()],
      thresholds: check.thresholds.parse(thresholds),
    });
  }
}

export function inputOf(
  stack: Stack,
  target: string,
  history: History,
  at: number,
  health: readonly PartHealth[] = [],
): Omit<JudgeInput<object, object>, 'thresholds'> {
  return {
    target,
    at,
    instances: [],
    history,
    changes: [],
    stack,
    health: { of: (kind) => health.filter((part) => part.part === kind || part.part.startsWith(`${kind}:`)) },
  };
}
