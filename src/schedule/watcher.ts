import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { contextAt } from '../checks/context.ts';
import type { Change, Finding, InstanceView, Measured, Place, System } from '../checks/contract.ts';
import { identity } from '../checks/contract.ts';
import type { Seen } from '../checks/seen.ts';
import type { Config } from '../config/schema.ts';
import type { Stack } from '../config/stack.ts';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { HealthBoard } from '../health/health.ts';
import type { History } from '../history/history.ts';
import type { Targets } from '../targets/contract.ts';
import { instanceView, judged, thresholdsFor, unknownFinding } from './judging.ts';
import { placesOf } from './places.ts';
import { byTarget, mendsOf, problemOf, type Slot, startsOf } from './slots.ts';

export interface WatcherOptions {
  readonly systems: readonly System[];
  readonly stack: Stack;
  readonly config: () => Config;
  readonly targets: Targets;
  readonly history: History;
  readonly health: HealthBoard;
  readonly log: Logger;
  readonly now: () => number;
}

/** What was judged at once: all findings of one check at one target. */
export interface Batch {
  readonly at: number;
  readonly check: string;
  readonly target: string;
  readonly findings: readonly Finding[];
}

const DEFAULT_TIMEOUT_MS = 4000;
const CHANGES_KEPT = 100;

/** Reads, measures and judges; remembers the newest of everything. It decides nothing and changes nothing. */
export class Watcher implements Seen {
  readonly history: History;
  readonly #slots = new Map<string, Slot>();
  /** The same by target: with hundreds of hosts nobody may walk through all of them for one. */
  #targets = new Map<string, Slot[]>();
  readonly #findings = new Map<string, Map<string, Finding>>();
  readonly #inUse = new Map<string, Set<string>>();
  readonly #listeners = new Set<(batch: Batch) => void>();
  readonly #changes: Change[] = [];

  constructor(private readonly options: WatcherOptions) {
    this.history = options.history;
    this.#layOut();
  }

  onBatch(listener: (batch: Batch) => void): void {
    this.#listeners.add(listener);
  }

  findings(): Finding[] {
    return [...this.#findings.values()].flatMap((group) => [...group.values()]);
  }

  facts<F>(target: string): ReadonlyMap<string, Partial<F>> {
    const found = new Map<string, Partial<F>>();
    for (const slot of this.#targets.get(target) ?? []) {
      if (!slot.measured) continue;
      found.set(slot.place.instance, {
        ...found.get(slot.place.instance),
        ...(slot.measured.result.facts as Partial<F>),
      });
    }
    return found;
  }

  changes(): readonly Change[] {
    return this.#changes;
  }

  noteChange(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length > CHANGES_KEPT) this.#changes.shift();
  }

  /** Places that need a right, or had one given since the start. */
  setUp(): { place: Place; collector: string; text: string; mend: string; done: boolean }[] {
    return [...this.#slots.values()].flatMap((slot) =>
      slot.problem?.setUp
        ? [
            {
              place: slot.place,
              collector: slot.collector.id,
              text: slot.problem.text,
              mend: slot.problem.mend ?? '',
              done: slot.everWell && slot.measured !== undefined && slot.measured.at > slot.problem.at,
            },
          ]
        : [],
    );
  }

  /** How each collector of a target did in its last round. */
  state(
    target: string,
  ): { instance: string; collector: string; problem: string | undefined; mend: string | undefined }[] {
    return (this.#targets.get(target) ?? []).map((slot) => ({
      instance: slot.place.instance,
      collector: slot.collector.id,
      problem: slot.measured ? undefined : (slot.problem?.text ?? 'it was not read yet'),
      mend: slot.measured ? undefined : slot.problem?.mend,
    }));
  }

  /** When a target was last measured, and the shortest interval of its collectors. */
  freshness(target: string): { at: number | null; intervalMs: number } {
    const slots = this.#targets.get(target) ?? [];
    const times = slots.flatMap((slot) => (slot.measured ? [slot.measured.at] : []));
    return {
      at: times.length ? Math.max(...times) : null,
      intervalMs: Math.min(60_000, ...slots.map((slot) => slot.collector.everySeconds * 1000)),
    };
  }

  /** True once each cheap collector has two snapshots or failed; nothing is notified before. */
  warmedUp(): boolean {
    return [...this.#slots.values()].every(
      (slot) => slot.collector.everySeconds > 5 || slot.snapshots >= 2 || slot.problem !== undefined,
    );
  }

  system(id: string): System | undefined {
    return this.options.systems.find((system) => system.id === id);
  }

  instances(target: string): InstanceView<object>[] {
    return this.#views(target);
  }

  /** The newest readings of everything that answers. */
  readings(): { target: string; instance: string; readings: InstanceView<object>['readings'] }[] {
    const targets = new Set([...this.#slots.values()].map((slot) => slot.place.target));
    return [...targets].flatMap((target) =>
      this.#views(target).map(({ instance, readings }) => ({ target, instance, readings })),
    );
  }

  places(target: string): Place[] {
    return this.options.systems
      .flatMap((system) => placesOf(system, this.options.stack, this.#inUse))
      .filter((place) => place.target === target);
  }

  /** Runs what is due at this second of the clock; resolves when all of it was judged. */
  async tick(second: number): Promise<void> {
    this.#layOut();
    const groups = new Map<string, Slot[]>();
    for (const slot of this.#slots.values()) {
      if (second % slot.collector.everySeconds !== 0) continue;
      const id = `${slot.place.system} ${slot.place.target} ${slot.collector.id}`;
      groups.set(id, [...(groups.get(id) ?? []), slot]);
    }
    const starts = startsOf(groups.values());
    await Promise.all(
      [...groups.values()].map(async (slots) => {
        const startMs = starts.get(slots[0]?.place.target ?? '');
        if (startMs) await sleep(startMs);
        const ran = await Promise.all(slots.map((slot) => this.#run(slot)));
        if (ran.some(Boolean)) this.#judge(slots);
        this.#doubtSlower(slots);
      }),
    );
    this.#judgeSpanning();
  }

  async #run(slot: Slot): Promise<boolean> {
    if (slot.running) {
      slot.skipped += 1;
      return false;
    }
    slot.running = true;
    const { collector, place } = slot;
    const timeoutMs = collector.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const context = {
        ...contextAt(place, this.options.targets, signal),
        latest: <F>() => this.facts<F>(place.target).get(place.instance) ?? {},
      };
      const snapshot = await within(
        collector.collect(context, slot.previous),
        timeoutMs,
        place.instance,
        collector.id,
      );
      const current = { at: this.options.now(), snapshot };
      const result = collector.measure(slot.previous, current, place);
      this.history.write(place.target, place.instance, current.at, result.readings);
      slot.previous = current;
      slot.snapshots += 1;
      slot.measured = { at: current.at, result };
      slot.everWell = true;
      if (slot.problem && !slot.problem.setUp) slot.problem = undefined;
    } catch (thrown) {
      const setUp = thrown instanceof WarroomError && thrown.code === 'NO_RIGHT';
      slot.problem = {
        at: this.options.now(),
        text: reason(thrown),
        setUp: setUp && !slot.everWell,
        gone: thrown instanceof WarroomError && thrown.code === 'TARGET_UNREACHABLE',
        ...(setUp ? { mend: String(thrown.fields['mend'] ?? '') } : {}),
      };
      // A gap ends the pair: the next rate is taken from two fresh snapshots.
      slot.previous = undefined;
      slot.measured = undefined;
      if (!(thrown instanceof WarroomError))
        this.options.log.error(
          { err: thrown, collector: collector.id, target: place.target },
          'a collector failed in a way of its own',
        );
    } finally {
      slot.running = false;
    }
    this.#report(slot);
    return true;
  }

  #report(slot: Slot): void {
    const failing = slot.measured === undefined && slot.problem !== undefined && !slot.problem.setUp;
    this.options.health.report({
      part: `collector:${slot.place.target}/${slot.place.instance}/${slot.collector.id}`,
      state: failing ? 'down' : 'ok',
      what: failing ? (slot.problem?.text ?? '') : `${slot.skipped} rounds skipped since the start`,
    });
  }

  #views(target: string): InstanceView<object>[] {
    const byInstance = new Map<
      string,
      { at: number; readings: Measured<object>['readings'][number][]; facts: object }
    >();
    for (const slot of this.#targets.get(target) ?? []) {
      if (!slot.measured) continue;
      const kept = byInstance.get(slot.place.instance) ?? { at: slot.measured.at, readings: [], facts: {} };
      kept.at = Math.min(kept.at, slot.measured.at);
      kept.readings.push(...slot.measured.result.readings);
      kept.facts = { ...kept.facts, ...slot.measured.result.facts };
      byInstance.set(slot.place.instance, kept);
    }
    return [...byInstance].map(([instance, { at, readings, facts }]) =>
      instanceView(instance, at, readings, facts),
    );
  }

  #judge(slots: readonly Slot[]): void {
    const first = slots[0];
    const system = first && this.system(first.place.system);
    if (!first || !system) return;
    const target = first.place.target;
    const beside = this.#targets.get(target) ?? [];
    for (const slot of slots)
      slot.doubted = slot.measured !== undefined && problemOf(slot, beside) !== undefined;
    const failed = slots.filter((slot) => slot.measured === undefined || slot.doubted);
    const views = this.#views(target);
    this.#noteUse(system, views);
    for (const check of system.checks) {
      if (check.needs[0] !== first.collector.id) continue;
      const thresholds = thresholdsFor(check, target, this.options.config());
      if (thresholds === 'off') continue;
      const ready = views.filter((view) => !failed.some((slot) => slot.place.instance === view.instance));
      const findings = ready.length > 0 ? judged(check, this.#input(target, ready, thresholds)) : [];
      const subjects = slots.length > 1 && ready.length > 0;
      for (const slot of subjects ? failed : failed.slice(0, 1)) {
        const problem = problemOf(slot, beside);
        findings.push(
          unknownFinding(
            check.id,
            target,
            `Could not look: ${problem?.text ?? 'no answer'}`,
            subjects ? slot.place.instance : undefined,
            subjects ? problem?.mend : mendsOf(failed.map((one) => problemOf(one, beside))),
          ),
        );
      }
      this.#emit(check.id, target, findings);
    }
  }

  /** Judges what slower collectors brought once a quicker one finds their server gone, and once it is back. */
  #doubtSlower(slots: readonly Slot[]): void {
    const [first] = slots;
    if (!first) return;
    const beside = this.#targets.get(first.place.target) ?? [];
    const slower = beside.filter(
      ({ place, collector }) =>
        place.system === first.place.system && collector.everySeconds > first.collector.everySeconds,
    );
    const turned = slower.filter(
      (slot) => slot.measured !== undefined && slot.doubted !== (problemOf(slot, beside) !== undefined),
    );
    for (const id of new Set(turned.map(({ collector }) => collector.id)))
      this.#judge(slower.filter(({ collector }) => collector.id === id));
  }

  /** Checks that span tiers or judge Warroom itself: no collector of their own. */
  #judgeSpanning(): void {
    for (const system of this.options.systems) {
      if (system.watches !== 'stack' && system.watches !== 'self') continue;
      for (const check of system.checks) {
        const target = system.watches;
        const thresholds = thresholdsFor(check, target, this.options.config());
        if (thresholds === 'off') continue;
        this.#emit(check.id, target, judged(check, this.#input(target, [], thresholds)));
      }
    }
  }

  #input<T>(target: string, instances: readonly InstanceView<object>[], thresholds: T) {
    return {
      target,
      at: this.options.now(),
      instances,
      history: this.history,
      changes: this.#changes,
      thresholds,
      stack: this.options.stack,
      health: this.options.health,
      facts: <O>(other: string) => this.facts<O>(other),
    };
  }

  #emit(check: string, target: string, findings: readonly Finding[]): void {
    this.#findings.set(
      `${check}@${target}`,
      new Map(findings.map((finding) => [identity(finding), finding])),
    );
    const batch = { at: this.options.now(), check, target, findings };
    for (const listener of this.#listeners) listener(batch);
  }

  #noteUse(system: System, views: readonly InstanceView<object>[]): void {
    if (!system.serves) return;
    for (const set of this.#inUse.values()) set.clear();
    for (const { service, host } of system.serves(views, this.options.stack)) {
      this.#inUse.set(service, (this.#inUse.get(service) ?? new Set()).add(host));
    }
  }

  /** Keeps one slot a place and collector; a spare that left has its slot taken away. */
  #layOut(): void {
    const wanted = new Set<string>();
    const before = this.#slots.size;
    let changed = false;
    for (const system of this.options.systems) {
      for (const place of placesOf(system, this.options.stack, this.#inUse)) {
        for (const collector of system.collectors) {
          const id = `${system.id} ${place.target} ${place.instance} ${collector.id}`;
          wanted.add(id);
          if (!this.#slots.has(id)) {
            changed = true;
            this.#slots.set(id, {
              place,
              collector,
              previous: undefined,
              measured: undefined,
              snapshots: 0,
              problem: undefined,
              doubted: false,
              running: false,
              everWell: false,
              skipped: 0,
            });
          }
        }
      }
    }
    for (const id of this.#slots.keys()) if (!wanted.has(id)) this.#slots.delete(id);
    if (changed || this.#slots.size !== before) this.#targets = byTarget(this.#slots.values());
  }
}

async function within<T>(work: Promise<T>, timeoutMs: number, target: string, command: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // A little after the signal, so that a collector that listens to it gives its own, better reason.
    timer = setTimeout(
      () => reject(new WarroomError('TARGET_DEADLINE', { target, command, timeoutMs })),
      timeoutMs + 100,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
