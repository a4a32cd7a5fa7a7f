import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { HaproxyFacts } from '../facts.ts';
import { frontendTable, type Instances, serverTable, sum } from './shared.ts';

const Queue = z.object({
  warn: z
    .number()
    .min(0)
    .default(0)
    .describe('Requests waiting; each one waits for a free connection to a server.'),
  critical: z.number().min(0).default(50).describe('Requests waiting; more than a burst of a launch.'),
  windowSeconds: z
    .number()
    .min(5)
    .max(600)
    .default(11)
    .describe('Seconds in which every sample must show it: two rounds.'),
  connectionsWarn: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of maxconn in use; stock alerts of connection limits begin at 70 to 80 %.'),
  connectionsCritical: z
    .number()
    .min(0)
    .max(1)
    .default(0.95)
    .describe('Share of maxconn in use; beyond it clients wait in the kernel, where nobody counts them.'),
  connectionsClear: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe('Share of maxconn in use; room for a burst is back.'),
});

export const queue = defineCheck<HaproxyFacts, z.infer<typeof Queue>>({
  id: 'haproxy.queue',
  question: 'Do requests queue for a server?',
  thresholds: Queue,
  needs: ['stats'],
  falseAlarm: 'A small maxconn that protects a server on purpose.',
  judge({ instances, history, target, thresholds }) {
    const waiting = sum(instances, 'haproxy.queue') ?? 0;
    const points = history.series({
      metric: 'haproxy.queue',
      target,
      windowMs: thresholds.windowSeconds * 1000,
    });
    const steady = points.every((point) => point.value > thresholds.warn);
    const level =
      waiting > thresholds.critical && steady
        ? 'critical'
        : waiting > thresholds.warn && steady
          ? 'warn'
          : 'ok';
    const full = fullest(instances, thresholds);
    const queueMs = Math.max(0, ...instances.map((one) => one.value('haproxy.queue_ms') ?? 0));
    return [
      {
        level,
        cleared: waiting <= thresholds.warn,
        summary: `${figure(waiting, 'count')} requests wait for a server (limit ${figure(thresholds.warn, 'count')})${waiting > 0 ? `, ${figure(queueMs, 'ms')} on average` : ''}.`,
        value: waiting,
        unit: 'count',
        threshold: thresholds.warn,
        evidence: [serverTable(instances)],
        ...(level === 'ok'
          ? {}
          : {
              advice:
                'Every server has all the connections that it may have: see whether the application is busy.',
            }),
      },
      ...full,
    ];
  },
});

/** HAProxy's own limits: of the process, and of each frontend. */
function fullest(instances: Instances, thresholds: z.infer<typeof Queue>): Verdict[] {
  const limits = {
    warn: thresholds.connectionsWarn,
    critical: thresholds.connectionsCritical,
    clear: thresholds.connectionsClear,
  };
  const used = instances.flatMap((one) => {
    const [current, limit] = [one.value('haproxy.connections'), one.value('haproxy.connection_limit')];
    const whole =
      current !== undefined && limit !== undefined
        ? [{ name: `HAProxy on ${one.instance}`, current, limit }]
        : [];
    const doors = (one.facts.frontends ?? []).flatMap(({ name, current: now, limit: most }) =>
      most === undefined ? [] : [{ name: `frontend ${name}`, current: now, limit: most }],
    );
    return [...whole, ...doors];
  });
  const first = used.sort((a, b) => b.current / b.limit - a.current / a.limit)[0];
  if (!first) return [];
  const value = first.current / first.limit;
  const { level, cleared, threshold } = grade(value, limits, 'above');
  if (level === 'ok' && cleared) return [];
  return [
    {
      subject: 'connections',
      level,
      cleared,
      summary: `${first.name} holds ${figure(first.current, 'count')} of ${figure(first.limit, 'count')} connections, ${figure(value, 'share')} (limit ${figure(threshold, 'share')}).`,
      value,
      unit: 'share',
      threshold,
      evidence: [frontendTable(instances), serverTable(instances)],
      ...(level === 'ok'
        ? {}
        : {
            advice:
              'Slow answers hold connections: see the application first. Else raise maxconn in haproxy.cfg (global and frontend), and the limit of open files with it.',
          }),
    },
  ];
}
