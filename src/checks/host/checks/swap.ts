import { z } from 'zod';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { byMemory, figures, plainNumber, sharesKernel, thin } from '../evidence.ts';
import type { HostFacts } from '../facts.ts';

const Swap = z.strictObject({
  warn: z
    .number()
    .min(0)
    .default(25)
    .describe(
      'Pages/s in and out (100 KiB/s); cold pages trickle in below that on every healthy server that has swap.',
    ),
  critical: z
    .number()
    .positive()
    .default(2500)
    .describe('Pages/s (10 MiB/s); each request now waits for a disk.'),
  clear: z.number().min(0).default(5).describe('Pages/s; nearly still.'),
});

export const swap = defineCheck<HostFacts, z.infer<typeof Swap>>({
  id: 'host.swap',
  question: 'Is the server swapping?',
  thresholds: Swap,
  needs: ['facts'],
  falseAlarm:
    'A job that touches memory after a long sleep brings its pages back once: it is over within a minute.',
  judge({ instances, target, stack, thresholds }) {
    if (sharesKernel(stack, target)) return [];
    return instances.map((view) => {
      const moving = view.value('host.swap_moving');
      if (moving === undefined) return thin('Two rounds are needed to see pages move.');
      const { level, cleared, threshold } = grade(moving, thresholds, 'above');
      const none = view.value('host.swap_total') === 0;
      return {
        level,
        cleared,
        summary: none
          ? 'This server has no swap.'
          : `${plainNumber(moving)} pages/s move in and out of swap (limit ${plainNumber(threshold)}).`,
        value: moving,
        unit: 'pages/s',
        threshold,
        evidence: [
          figures(view, [
            ['moving', 'host.swap_moving', 'pages/s', threshold],
            ['swap in use', 'host.swap_used', 'B'],
            ['memory available', 'host.memory_available', 'B'],
            ['time waiting for memory (PSI)', 'host.psi_memory', 'share'],
          ]),
          ...(level === 'ok' ? [] : byMemory(view)),
        ],
        ...(level === 'ok'
          ? {}
          : { advice: 'More memory, or fewer processes: the table shows who uses it.' }),
      };
    });
  },
});
