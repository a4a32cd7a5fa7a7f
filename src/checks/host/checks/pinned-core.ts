import { z } from 'zod';
import { defineCheck, type Verdict } from '../../contract.ts';
import { byCpu, type HostView, percent, plainNumber, processSubject, thin } from '../evidence.ts';
import type { BusyProcess, HostFacts } from '../facts.ts';

const PinnedCore = z.strictObject({
  warn: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.95)
    .describe(
      'Of one core, or of the quota where that is less; a tick of 10 ms more or less is 0.2 % of a round, and a full core never quite shows as 100 %.',
    ),
  clear: z.number().min(0.1).max(1).default(0.85).describe('Well under the limit, so that it does not flap.'),
});

/** Findings a host: more of them is one overloaded host, which host.load says. */
const MOST = 5;

export const pinnedCore = defineCheck<HostFacts, z.infer<typeof PinnedCore>>({
  id: 'host.pinned-core',
  question: 'Does one process hold a whole core all the time?',
  thresholds: PinnedCore,
  needs: ['facts'],
  falseAlarm:
    'A short job (a compression, an import) holds its core for a minute and is done. "All the time" is three samples in a row, 10 to 15 s; for longer jobs silence the process.',
  judge({ instances, thresholds }) {
    return instances.flatMap((view): Verdict[] => {
      const cpu = view.facts.cpu;
      const busiest = view.facts.busiest;
      if (!cpu || !busiest) return [thin('Two rounds are needed to see what a process uses.')];
      const limit = Math.min(1, cpu.cores);
      const held = busiest
        .map((process) => ({ process, cores: heldBy(process, limit) }))
        .filter(({ cores }) => cores >= thresholds.clear * limit)
        .sort((a, b) => b.cores - a.cores);
      const verdicts = held
        .slice(0, MOST)
        .map(({ process, cores }) => verdict(view, process, cores, limit, thresholds.warn));
      const most = busiest[0];
      if (verdicts.some((one) => one.level !== 'ok')) return verdicts;
      return [
        ...verdicts,
        {
          level: 'ok',
          summary: most
            ? `No process holds a core; the busiest is ${most.name} with ${plainNumber(most.cpuCores)}.`
            : 'No process holds a core.',
        },
      ];
    });
  },
});

/**
 * What one thread takes of one core: more threads than one may well use a core between them. Under a quota of less
 * than a core all threads of a process share that part, so the process counts.
 */
function heldBy(process: BusyProcess, limit: number): number {
  return limit < 1 || process.threads === 1
    ? process.cpuCores
    : (process.threadCores ?? lone(process.cpuCores));
}

/** Before its threads were looked at twice: about one core is most likely one thread. */
function lone(cpuCores: number): number {
  return cpuCores <= 1.2 ? cpuCores : 0;
}

function verdict(view: HostView, process: BusyProcess, cores: number, limit: number, warn: number): Verdict {
  const bad = cores >= warn * limit;
  const whole = limit < 1 ? `the ${plainNumber(limit)} cores of its quota` : 'one core';
  const thread = process.threads > 1 && process.threadCores !== undefined ? 'One thread of ' : '';
  return {
    subject: processSubject(process),
    level: bad ? 'warn' : 'ok',
    cleared: false,
    summary: `${thread}${process.name} (process ${process.pid}) holds ${percent(Math.min(1, cores / limit))} of ${whole} (limit ${percent(warn)}).`,
    value: cores,
    unit: 'cores',
    threshold: warn * limit,
    evidence: bad ? byCpu(view) : [],
    ...(bad
      ? {
          advice:
            limit < 1
              ? 'Raise the quota, or find out what it does; more workers share the same quota.'
              : 'Split its work over more workers: a second core cannot help a single thread.',
        }
      : {}),
  };
}
