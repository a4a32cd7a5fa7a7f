import { Ring, SET_BACK_MS } from './ring.ts';

const FULL_MS = 10 * 60_000;
const FULL = { most: 121, spanMs: FULL_MS };
const MINUTES = { most: 121, spanMs: 2 * 60 * 60_000 };
/** Samples of one round differ by some hundred ms between instances: they are summed by slots of this width. */
const SLOT_MS = 5_000;
/** An instance that missed a round or two still counts with its last value. */
const CARRY_SLOTS = 3;

export interface Sample {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly labels?: Readonly<Record<string, string>>;
}
export interface SeriesQuery {
  readonly metric: string;
  readonly target: string;
  readonly instance?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly windowMs: number;
}
interface Line {
  readonly unit: string;
  readonly full: Ring;
  readonly minutes: Ring;
  minute: number;
  sum: number;
  count: number;
}
/** One minute of one target, as it is kept in the store: line key -> mean. */
export interface PackedMinute {
  readonly target: string;
  readonly minute: number;
  readonly values: Readonly<Record<string, readonly [mean: number, unit: string]>>;
}

/** Readings over time: 10 minutes as sampled, 2 hours of minutes. The scheduler is the only writer. */
export class History {
  /** target -> "metric|labels" -> instance -> line */
  readonly #lines = new Map<string, Map<string, Map<string, Line>>>();
  #packed: PackedMinute[] = [];

  constructor(private readonly now: () => number = Date.now) {}

  write(target: string, instance: string, at: number, samples: readonly Sample[]): void {
    for (const sample of samples) {
      if (!Number.isFinite(sample.value)) continue;
      const line = this.#line(target, key(sample.metric, sample.labels), instance, sample.unit);
      line.full.push(at, sample.value);
      this.#minute(target, key(sample.metric, sample.labels), instance, line, at, sample.value);
    }
  }

  series(query: SeriesQuery): { at: number; value: number }[] {
    const instances = this.#lines.get(query.target)?.get(key(query.metric, query.labels));
    if (!instances) return [];
    const now = this.now();
    const since = now - query.windowMs;
    const pick = (line: Line) =>
      query.windowMs <= FULL_MS
        ? line.full.since(since, now)
        : [...line.minutes.since(since, now), ...tail(line, since, now)];
    if (query.instance !== undefined) {
      const line = instances.get(query.instance);
      return line ? pick(line) : [];
    }
    const all = [...instances.values()].map(pick).filter((points) => points.length > 0);
    if (all.length <= 1) return all[0] ?? [];
    return summed(all, query.windowMs <= FULL_MS ? SLOT_MS : 60_000);
  }

  latest(query: Omit<SeriesQuery, 'windowMs'>): { at: number; value: number } | undefined {
    // The newest full-resolution slot; older than a minute it is no answer any more.
    return this.series({ ...query, windowMs: 60_000 }).at(-1);
  }

  unit(target: string, metric: string): string {
    const lines = this.#lines.get(target);
    for (const [name, instances] of lines ?? []) {
      if (name === metric || name.startsWith(`${metric}|`))
        return instances.values().next().value?.unit ?? '';
    }
    return '';
  }

  metrics(target: string): string[] {
    return [...(this.#lines.get(target)?.keys() ?? [])];
  }

  /** Minutes that closed since the last call, for the store. */
  takePacked(): PackedMinute[] {
    const taken = this.#packed;
    this.#packed = [];
    return merge(taken);
  }

  /** Puts stored minutes back after a start. */
  restore(rows: readonly PackedMinute[]): void {
    for (const row of [...rows].sort((a, b) => a.minute - b.minute)) {
      for (const [name, [mean, unit]] of Object.entries(row.values)) {
        const [line, instance] = splitInstance(name);
        this.#line(row.target, line, instance, unit).minutes.push(row.minute * 60_000, mean);
      }
    }
  }

  #line(target: string, name: string, instance: string, unit: string): Line {
    const lines = getOrMake(this.#lines, target, () => new Map<string, Map<string, Line>>());
    const instances = getOrMake(lines, name, () => new Map<string, Line>());
    return getOrMake(instances, instance, () => ({
      unit,
      full: new Ring(FULL),
      minutes: new Ring(MINUTES),
      minute: 0,
      sum: 0,
      count: 0,
    }));
  }

  #minute(target: string, name: string, instance: string, line: Line, at: number, value: number): void {
    const minute = Math.floor(at / 60_000);
    if (line.minute !== minute && line.count > 0) {
      const mean = line.sum / line.count;
      line.minutes.push(line.minute * 60_000, mean);
      this.#packed.push({
        target,
        minute: line.minute,
        values: { [`${name}\n${instance}`]: [mean, line.unit] },
      });
      // Without a store nobody takes them: the newest minutes are enough.
      if (this.#packed.length > 200_000) this.#packed.splice(0, 100_000);
      line.sum = 0;
      line.count = 0;
    }
    line.minute = minute;
    line.sum += value;
    line.count += 1;
  }
}

function tail(line: Line, since: number, now: number): { at: number; value: number }[] {
  const at = line.minute * 60_000;
  return line.count > 0 && at >= since && at <= now + SET_BACK_MS
    ? [{ at, value: line.sum / line.count }]
    : [];
}

function summed(
  all: readonly { at: number; value: number }[][],
  slotMs: number,
): { at: number; value: number }[] {
  const bySlot = all.map((points) => new Map(points.map((point) => [Math.round(point.at / slotMs), point])));
  const slots = [...new Set(bySlot.flatMap((map) => [...map.keys()]))].sort((a, b) => a - b);
  return slots.map((slot) => {
    let at = 0;
    let value = 0;
    for (const map of bySlot) {
      for (let back = 0; back <= CARRY_SLOTS; back++) {
        const point = map.get(slot - back);
        if (!point) continue;
        value += point.value;
        at = Math.max(at, point.at);
        break;
      }
    }
    return { at, value };
  });
}

function merge(rows: readonly PackedMinute[]): PackedMinute[] {
  const byKey = new Map<
    string,
    { target: string; minute: number; values: Record<string, readonly [number, string]> }
  >();
  for (const row of rows) {
    const id = `${row.minute} ${row.target}`;
    const kept = getOrMake(byKey, id, () => ({ target: row.target, minute: row.minute, values: {} }));
    Object.assign(kept.values, row.values);
  }
  return [...byKey.values()];
}

function splitInstance(name: string): [string, string] {
  const at = name.lastIndexOf('\n');
  return [name.slice(0, at), name.slice(at + 1)];
}

/** "varnish.backend_healthy|backend=boot.lb" */
function key(metric: string, labels: Readonly<Record<string, string>> | undefined): string {
  if (!labels || Object.keys(labels).length === 0) return metric;
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${metric}|${sorted.map(([name, value]) => `${name}=${value}`).join(',')}`;
}

function getOrMake<K, V>(map: Map<K, V>, id: K, make: () => V): V {
  const found = map.get(id);
  if (found !== undefined) return found;
  const made = make();
  map.set(id, made);
  return made;
}
