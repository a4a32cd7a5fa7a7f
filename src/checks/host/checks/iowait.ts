import { z } from 'zod';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { byDevice, figures, percent, sharesKernel, thin } from '../evidence.ts';
import type { HostFacts } from '../facts.ts';

const Iowait = z.strictObject({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('Of CPU time; the rule of a launch: waiting for disks is near zero.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.4)
    .describe('Of CPU time; what stock alerts elsewhere call a warning.'),
  clear: z
    .number()
    .min(0)
    .max(1)
    .default(0.03)
    .describe('A little under the limit, so that it does not flap.'),
  pressure: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('PSI of I/O, 10 s: iowait alone also counts what an idle core would have waited for anyhow.'),
});

export const iowait = defineCheck<HostFacts, z.infer<typeof Iowait>>({
  id: 'host.iowait',
  question: 'Is time waiting for disks near zero?',
  thresholds: Iowait,
  needs: ['facts'],
  falseAlarm:
    'A backup reads the disk at low priority while nobody else wants it: the pressure beside it stays low.',
  judge({ instances, target, stack, thresholds }) {
    if (sharesKernel(stack, target)) return [];
    return instances.map((view) => {
      const share = view.value('host.iowait_share');
      const psi = view.value('host.psi_io');
      if (share === undefined) return thin('Two rounds are needed for a share of time.');
      const graded = grade(share, thresholds, 'above');
      const felt = psi === undefined || psi > thresholds.pressure;
      const level = felt ? graded.level : 'ok';
      const device = [...(view.facts.devices ?? [])].sort((a, b) => b.busyShare - a.busyShare)[0];
      const where =
        device && level !== 'ok' ? ` ${device.name} is busy ${percent(device.busyShare)} of the time.` : '';
      const beside = psi === undefined ? '' : `, and work stood still for ${percent(psi)} (PSI)`;
      return {
        level,
        cleared: graded.cleared,
        summary: `The cores wait for disks ${percent(share)} of the time (limit ${percent(graded.threshold)})${beside}.${where}`,
        value: share,
        unit: 'share',
        threshold: graded.threshold,
        evidence: [
          figures(view, [
            ['waiting for disks', 'host.iowait_share', 'share', graded.threshold],
            ['work standing still (PSI)', 'host.psi_io', 'share', thresholds.pressure],
          ]),
          ...byDevice(view),
        ],
        ...(level === 'ok'
          ? {}
          : { advice: 'Look at who reads and writes: /launch host shows it under io.' }),
      };
    });
  },
});
