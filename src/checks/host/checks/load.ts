import { z } from 'zod';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { byCpu, figures, plainNumber, sharesKernel, thin } from '../evidence.ts';
import type { HostFacts } from '../facts.ts';

const Load = z.strictObject({
  warn: z
    .number()
    .positive()
    .default(1)
    .describe('Times the cores; the rule of a launch: above it, work waits for a core.'),
  critical: z.number().positive().default(2).describe('Times the cores; as many wait as run.'),
  clear: z
    .number()
    .positive()
    .default(0.9)
    .describe('Times the cores; a little under the limit, so that it does not flap.'),
});

export const load = defineCheck<HostFacts, z.infer<typeof Load>>({
  id: 'host.load',
  question: 'Is the load average under the number of cores?',
  thresholds: Load,
  needs: ['facts'],
  falseAlarm:
    'A nightly backup or compilation that runs at low priority raises the load and slows nobody: silence the host for its time, or raise the limit there.',
  judge({ instances, target, stack, thresholds }) {
    // The load average is the kernel's. Of hosts that share one, it is judged on the one that carries it.
    if (sharesKernel(stack, target)) return [];
    return instances.map((view) => {
      const load1 = view.value('host.load1');
      const cpu = view.facts.cpu;
      if (load1 === undefined || !cpu) return thin('No load average yet.');
      // Not the quota: the kernel counts what waits on all of its cores, also outside of this container.
      const cores = cpu.kernelCores;
      const { level, cleared } = grade(load1 / cores, thresholds, 'above');
      const limit = (level === 'critical' ? thresholds.critical : thresholds.warn) * cores;
      const blocked = cpu.blocked > 0 ? `, ${cpu.blocked} of them wait for a disk` : '';
      return {
        level,
        cleared,
        summary: `Load ${plainNumber(load1)} on ${cores} cores (limit ${plainNumber(limit)})${level === 'ok' ? '' : blocked}.`,
        value: load1,
        unit: 'count',
        threshold: limit,
        evidence: [
          figures(view, [
            ['load, 1 min', 'host.load1', 'count', limit],
            ['load, 5 min', 'host.load5', 'count'],
            ['CPU in use', 'host.cpu_busy', 'cores'],
            ['time waiting for a core (PSI)', 'host.psi_cpu', 'share'],
          ]),
          ...byCpu(view),
        ],
        ...(level === 'ok'
          ? {}
          : { advice: 'More servers, or fewer workers on this one; the table shows who uses it.' }),
      };
    });
  },
});
