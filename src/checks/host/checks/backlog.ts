import { z } from 'zod';
import { defineCheck, type Evidence } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { type HostView, percent, plainNumber, thin } from '../evidence.ts';
import type { HostFacts } from '../facts.ts';

const Backlog = z.strictObject({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe('Of a listen queue; the rest fills within seconds at this rate.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.99)
    .describe('Of a listen queue; the next connection is dropped.'),
  clear: z.number().min(0).max(1).default(0.5).describe('Half empty again.'),
  overflowsWarn: z
    .number()
    .min(0)
    .default(1)
    .describe('Dropped connections a second; what stock alerts elsewhere start from.'),
  overflowsCritical: z.number().positive().default(5).describe('Dropped connections a second.'),
});

export const backlog = defineCheck<HostFacts, z.infer<typeof Backlog>>({
  id: 'host.backlog',
  question: 'Do listen queues overflow?',
  thresholds: Backlog,
  needs: ['sockets', 'facts'],
  falseAlarm:
    'A program that is stopped in a debugger, or one that listens and never accepts, has a full queue that nobody misses.',
  judge({ instances, thresholds }) {
    return instances.map((view) => {
      const share = view.value('host.backlog_share');
      const overflows = view.value('host.listen_overflows');
      if (share === undefined) return thin('Listen queues were not read yet.');
      const queue = grade(share, thresholds, 'above');
      const drops = grade(
        overflows ?? 0,
        { warn: thresholds.overflowsWarn, critical: thresholds.overflowsCritical },
        'above',
      );
      const level = [queue.level, drops.level].includes('critical')
        ? 'critical'
        : [queue.level, drops.level].includes('warn')
          ? 'warn'
          : 'ok';
      const fullest = sorted(view)[0];
      const named =
        fullest && share > 0 ? ` (${fullest.address}: ${fullest.waiting} of ${fullest.backlog})` : '';
      const dropped = overflows ? ` ${plainNumber(overflows)} connections/s are dropped.` : '';
      return {
        level,
        cleared: queue.cleared && drops.cleared,
        summary: `The fullest listen queue is at ${percent(share)}${named}, limit ${percent(queue.threshold)}.${dropped}`,
        value: share,
        unit: 'share',
        threshold: queue.threshold,
        evidence: level === 'ok' ? [] : [table(view)],
        ...(level === 'ok'
          ? {}
          : {
              advice: `Whoever listens there accepts too slowly${whose(share > 0 ? fullest?.address : undefined)}: see its workers first. A longer queue only makes visitors wait longer.`,
            }),
      };
    });
  },
});

/** Only root sees whose socket it is. A path is another user's text: an odd one is not made part of a command. */
function whose(address = ''): string {
  const port = /:(\d+)$/.exec(address)?.[1];
  if (port !== undefined) return ` (whose it is, root sees: ss -tlnp "sport = :${port}")`;
  return /^\/[\w./@+-]{1,107}$/.test(address) ? ` (whose it is, root sees: ss -xlp "src ${address}")` : '';
}

function sorted(view: HostView) {
  return [...(view.facts.listeners ?? [])].sort(
    (a, b) => b.waiting / (b.backlog || 1) - a.waiting / (a.backlog || 1),
  );
}

function table(view: HostView): Evidence {
  return {
    kind: 'table',
    title: 'Listen queues',
    columns: [{ name: 'address' }, { name: 'waiting' }, { name: 'room for' }],
    rows: sorted(view)
      .slice(0, 6)
      .map((one) => [one.address, one.waiting, one.backlog]),
  };
}
