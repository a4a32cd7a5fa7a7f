import { contextAt } from '../../../src/checks/context.ts';
import type {
  Check,
  Collector,
  InstanceView,
  JudgeInput,
  Place,
  Timed,
  Verdict,
} from '../../../src/checks/contract.ts';
import type { MysqlFacts } from '../../../src/checks/mysql/index.ts';
import { mysql } from '../../../src/checks/mysql/index.ts';
import { Config } from '../../../src/config/schema.ts';
import { Secret } from '../../../src/config/secret.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { placesOf } from '../../../src/schedule/places.ts';
import type { Targets } from '../../../src/targets/contract.ts';
import { DirectTarget } from '../../../src/targets/direct.ts';
import { Links } from '../../../src/targets/links.ts';
import { LocalTarget } from '../../../src/targets/local.ts';

export const TARGET = 'shopdb';

export interface Setting {
  readonly primary: string;
  readonly replicas?: Record<string, string>;
  readonly more?: Record<string, unknown>;
  readonly services?: Record<string, unknown>;
}

/** A stack whose URLs are written as environment variables of their own, for passwords may not stand in a config. */
export function stackFor({ primary, replicas = {}, more = {}, services = {} }: Setting) {
  const urls = new Map<string, string>();
  const kept = (url: string) => {
    const env = `URL_${urls.size}`;
    urls.set(env, url);
    return { env };
  };
  const config = {
    kind: 'mysql',
    on: 'here',
    primary: kept(primary),
    replicas: Object.fromEntries(Object.entries(replicas).map(([name, url]) => [name, kept(url)])),
    ...more,
    ...(typeof more['reference'] === 'string' && /^mysql:/.test(more['reference'])
      ? { reference: kept(more['reference']) }
      : {}),
  };
  const stack = new Stack(
    Config.parse({ hosts: { here: { local: true } }, services: { [TARGET]: config, ...services } }),
  );
  const links = new Links((source) => new Secret(urls.get((source as { env: string }).env) ?? ''));
  return { stack, links };
}

/** Collects, measures, remembers and judges as the watcher does, for one service with all its servers. */
export class Rounds {
  readonly stack: Stack;
  readonly targets: Targets;
  readonly places: Place[];
  readonly history = new History(() => this.now);
  now = 0;
  readonly #last = new Map<
    string,
    { timed: Timed<unknown>; measured: ReturnType<Collector<unknown, object>['measure']> }
  >();

  constructor(where: Setting | { readonly stack: Stack; readonly targets: Targets }) {
    if ('targets' in where) {
      this.stack = where.stack;
      this.targets = where.targets;
    } else {
      const { stack, links } = stackFor(where);
      const local = new LocalTarget('here', 'reading');
      this.stack = stack;
      this.targets = {
        links,
        reading: () => local,
        direct: (name) => new DirectTarget(name),
        acting: () => undefined,
        health: () => [],
        close: async () => links.close(),
      };
    }
    this.places = placesOf(mysql, this.stack, new Map());
  }

  context(place = this.places[0] as Place, ms = 10_000) {
    return contextAt(place, this.targets, AbortSignal.timeout(ms));
  }

  /** One round of a collector on every server. */
  async run(id: string): Promise<void> {
    for (const place of this.places) await this.runAt(id, place);
  }

  async runAt(id: string, place: Place): Promise<Timed<unknown>> {
    const collector = mysql.collectors.find((one) => one.id === id) as Collector<unknown, object>;
    const key = `${place.instance} ${id}`;
    const previous = this.#last.get(key)?.timed;
    const snapshot: unknown = await collector.collect(this.context(place), previous);
    const timed = { at: Date.now(), snapshot };
    this.now = timed.at;
    const measured = collector.measure(previous, timed, place);
    this.history.write(place.target, place.instance, timed.at, measured.readings);
    this.#last.set(key, { timed, measured });
    return timed;
  }

  view(instance = this.places[0]?.instance ?? ''): InstanceView<MysqlFacts> {
    const all = mysql.collectors.flatMap(({ id }) => this.#last.get(`${instance} ${id}`)?.measured ?? []);
    return instanceView(
      instance,
      this.now,
      all.flatMap((one) => one.readings),
      Object.assign({}, ...all.map((one) => one.facts)) as object,
    ) as InstanceView<MysqlFacts>;
  }

  judge<T>(check: Check<MysqlFacts, T>, thresholds: object = {}): readonly Verdict[] {
    return judge(
      check,
      this.places.map((place) => this.view(place.instance)),
      this,
      thresholds,
    );
  }

  async show(view: string, ...args: string[]) {
    const found = mysql.views.find((one) => one.name === view);
    if (!found) throw new Error(`no view ${view}`);
    return found.show(this.context(), args);
  }

  close(): void {
    void this.targets.close();
  }
}

export function judge<T>(
  check: Check<MysqlFacts, T>,
  instances: readonly InstanceView<MysqlFacts>[],
  { stack, history, now }: { stack: Stack; history: History; now: number },
  thresholds: object = {},
): readonly Verdict[] {
  const input: JudgeInput<MysqlFacts, T> = {
    target: [...stack.services.keys()].find((name) => stack.service(name, 'mysql')) ?? TARGET,
    at: now,
    instances,
    history,
    changes: [],
    thresholds: check.thresholds.parse(thresholds),
    stack,
  };
  return check.judge(input);
}
