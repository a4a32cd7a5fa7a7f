import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { contextAt } from '../../../src/checks/context.ts';
import type { Evidence, Finding, Place, System } from '../../../src/checks/contract.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { HealthBoard } from '../../../src/health/health.ts';
import { History } from '../../../src/history/history.ts';
import { placesOf } from '../../../src/schedule/places.ts';
import { Watcher } from '../../../src/schedule/watcher.ts';
import { openTargets } from '../../../src/targets/targets.ts';

/** Watches real servers with the real rounds; `off` leaves checks out, `checks` sets thresholds. */
export function watch(systems: readonly System[], given: object) {
  const config = Config.parse({ hosts: {}, ...given });
  const stack = new Stack(config);
  const targets = openTargets(stack, () => {
    throw new Error('this config has no secrets');
  });
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  const history = new History(now);
  const watcher = new Watcher({
    systems,
    stack,
    config: () => config,
    targets,
    history,
    health: new HealthBoard(),
    log: pino({ level: 'silent' }),
    now,
  });
  const find = (check: string, subject?: string): Finding | undefined =>
    watcher.findings().find((one) => one.check === check && one.subject === subject);
  const place = (service: string, instance?: string): Place => {
    const system = systems.find((one) => one.id === stack.services.get(service)?.kind);
    const found =
      system &&
      placesOf(system, stack, new Map()).find(
        (one) => one.target === service && (instance === undefined || one.instance === instance),
      );
    if (!found) throw new Error(`no place of ${service}`);
    return found;
  };
  return {
    stack,
    watcher,
    targets,
    history,
    clock,
    place,
    /** A round of every collector. */
    round: () => watcher.tick(0),
    finding: find,
    /** Rounds until a finding is as wanted. */
    async until(
      check: string,
      wanted: (finding: Finding) => boolean,
      {
        subject,
        paceMs = 0,
        ms = 15_000,
      }: { readonly subject?: string; readonly paceMs?: number; readonly ms?: number } = {},
    ): Promise<Finding> {
      const end = Date.now() + ms;
      for (;;) {
        // The server passes counters on once a second: rates of shorter rounds are all or nothing.
        if (paceMs > 0) await sleep(paceMs);
        await watcher.tick(0);
        const last = find(check, subject);
        if (last !== undefined && wanted(last)) return last;
        if (Date.now() > end)
          throw new Error(`not within ${ms} ms: ${check} is ${JSON.stringify(last)?.slice(0, 600)}`);
        await sleep(20);
      }
    },
    show(service: string, view: string, args: readonly string[] = []): Promise<readonly Evidence[]> {
      const at = place(service);
      const found = systems.find((one) => one.id === at.system)?.views.find((one) => one.name === view);
      if (!found) throw new Error(`no view ${view}`);
      return found.show(contextAt(at, targets, AbortSignal.timeout(10_000)), args);
    },
    close: () => targets.close(),
  };
}

/** All cells of the tables in evidence, and its notes, as one text. */
export function textOf(evidence: readonly Evidence[]): string {
  return evidence
    .map((one) =>
      one.kind === 'table'
        ? one.rows.map((row) => row.join(' | ')).join('\n')
        : one.kind === 'note'
          ? one.text
          : '',
    )
    .join('\n');
}
