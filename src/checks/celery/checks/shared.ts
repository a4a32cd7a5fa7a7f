import type { InstanceView } from '../../contract.ts';
import type { CeleryFacts } from '../facts.ts';

type Instances = readonly InstanceView<CeleryFacts>[];

export function thin(summary: string, advice?: string) {
  return {
    level: 'ok' as const,
    basis: 'thin' as const,
    summary,
    ...(advice === undefined ? {} : { advice }),
  };
}

export function factsOf<K extends keyof CeleryFacts>(instances: Instances, name: K): CeleryFacts[K][] {
  return instances.flatMap((one) => {
    const fact = one.facts[name];
    return fact === undefined ? [] : [fact as CeleryFacts[K]];
  });
}

/** All rows of a table, whatever instance gave them. */
export function rowsOf<K extends Exclude<keyof CeleryFacts, 'events'>>(
  instances: Instances,
  name: K,
): CeleryFacts[K][number][] {
  return factsOf(instances, name).flatMap((rows) => [...rows] as CeleryFacts[K][number][]);
}

export function sum(instances: Instances, metric: string): number | undefined {
  const values = instances.flatMap((one) => one.value(metric) ?? []);
  return values.length > 0 ? values.reduce((all, value) => all + value, 0) : undefined;
}
