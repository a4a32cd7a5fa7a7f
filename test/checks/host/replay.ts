import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Finding, Reading } from '../../../src/checks/contract.ts';
import { host } from '../../../src/checks/host/index.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { instanceView, judged } from '../../../src/schedule/judging.ts';
import type { Target } from '../../../src/targets/contract.ts';
import { noLink } from '../no-link.ts';

export const FIXTURES = fileURLToPath(new URL('../../fixtures/host/', import.meta.url));

/** In which order a recording asks; `processes` asks twice each time, and `facts` once more for a busy process with threads. */
export const ROUNDS = ['facts', 'sockets', 'processes', 'disks', 'facts', 'facts', 'processes'] as const;

/** What a host answered, in order. */
export function answersOf(path: string): string[] {
  return readdirSync(path)
    .filter((name) => /^\d+\.txt$/.test(name))
    .sort()
    .map((name) => readFileSync(join(path, name), 'utf8'));
}

/** A host that gives those answers and no other. */
export function replayed(
  answers: readonly string[],
  change: (text: string, i: number) => string = (text) => text,
): Target {
  let next = 0;
  const say = async () => {
    const text = answers[next];
    if (text === undefined) throw new Error('The recording has no further answer.');
    return { stdout: change(text, next++), stderr: '', status: 0, cut: false, ms: 0 };
  };
  return {
    name: 'web1',
    account: 'reading',
    read: say,
    exec: say,
    connect: () => Promise.reject(new Error('no sockets')),
  };
}

export const stack = new Stack(
  Config.parse({ hosts: { web1: { local: true }, shared: { local: true, sharedKernel: true } } }),
);
export const place = {
  system: 'host',
  target: 'web1',
  instance: 'web1',
  host: stack.hosts.get('web1') as NonNullable<ReturnType<typeof stack.hosts.get>>,
  stack,
};

export interface Seen {
  readonly readings: readonly Reading[];
  readonly facts: Record<string, unknown>;
}

/** Plays rounds through the real collectors. */
export async function play(target: Target, rounds: readonly string[] = ROUNDS): Promise<Seen> {
  const previous = new Map<string, { at: number; snapshot: unknown }>();
  const readings = new Map<string, readonly Reading[]>();
  let facts: Record<string, unknown> = {};
  for (const id of rounds) {
    const collector = host.collectors.find((one) => one.id === id);
    if (!collector) throw new Error(`There is no collector ${id}.`);
    const before = previous.get(id);
    const snapshot = await collector.collect(
      { target, place, signal: AbortSignal.timeout(10_000), link: noLink },
      before,
    );
    const now = { at: (before?.at ?? 0) + 5000, snapshot };
    const measured = collector.measure(before, now, place);
    previous.set(id, now);
    readings.set(id, measured.readings);
    facts = { ...facts, ...measured.facts };
  }
  // How far a recording's clock is from ours changes by the second.
  const steady = [...readings.values()].flat().filter((one) => one.metric !== 'host.clock_offset');
  return { readings: steady, facts };
}

export function judge({ readings, facts }: Seen, target = 'web1'): Finding[] {
  const view = instanceView(target, 0, readings, facts);
  const history = { series: () => [], latest: () => undefined };
  return host.checks.flatMap((check) =>
    judged(check, {
      target,
      at: 0,
      instances: [view],
      history,
      changes: [],
      thresholds: check.thresholds.parse({}),
      stack,
    }),
  );
}
