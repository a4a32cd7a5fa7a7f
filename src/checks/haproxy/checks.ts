import { z } from 'zod';
import { figure, lasted } from '../../message/figures.ts';
import { defineCheck, type Evidence, type InstanceView, type Verdict } from '../contract.ts';
import { grade } from '../judging.ts';
import { mean } from '../rate.ts';
import type { HaproxyFacts, ServerRow } from './facts.ts';
import { isTakenOut, isUp } from './measure.ts';

type Instances = readonly InstanceView<HaproxyFacts>[];

const Backends = z.object({
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of servers that are down; the other half takes twice its load.'),
});

export const backends = defineCheck<HaproxyFacts, z.infer<typeof Backends>>({
  id: 'haproxy.backends',
  question: 'Are all servers up?',
  thresholds: Backends,
  needs: ['stats'],
  falseAlarm:
    'A server stopped on purpose without being put into maintenance. One in maintenance or draining is not counted.',
  judge({ instances, thresholds }) {
    const rows = servers(instances).filter((server) => !isTakenOut(server));
    const down = rows.filter((server) => !isUp(server));
    const names = new Set(down.map((server) => server.name));
    const evidence = [serverTable(instances)];
    if (rows.length === 0)
      return [
        {
          level: 'critical',
          certain: true,
          summary: 'Every server of the backend is in maintenance or draining: nothing is served.',
          evidence,
          advice: 'Put one back: set server <backend>/<server> state ready.',
        },
      ];
    if (down.length === 0)
      return [
        {
          level: 'ok',
          summary: `${rows.length} of ${rows.length} servers are up.`,
          value: rows.length,
          unit: 'count',
          evidence,
        },
      ];
    const level = down.length / rows.length >= thresholds.critical ? 'critical' : 'warn';
    return [...names].map((name): Verdict => {
      const server = down.find((one) => one.name === name) as ServerRow;
      return {
        subject: name,
        level,
        certain: true,
        summary: `Server ${name} is ${server.status} for ${lasted(server.sinceSeconds * 1000)} (${server.checkStatus || 'no check result'}); ${rows.length - down.length} of ${rows.length} are up.`,
        value: rows.length - down.length,
        unit: 'count',
        threshold: rows.length,
        evidence,
        advice: 'See whether its application runs and answers the health URL; a spare can take its place.',
      };
    });
  },
});

const Errors = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('Share of requests; stock alerts of web servers begin at 2 %.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('Share of requests; stock alerts call 5 % critical.'),
  clear: z.number().min(0).max(1).default(0.01).describe('Share of requests; where stock alerts end.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(120)
    .describe('Requests a minute; a share of fewer says little.'),
  windowSeconds: z.number().min(10).max(600).default(15).describe('Seconds looked back: three rounds.'),
});

export const errors = defineCheck<HaproxyFacts, z.infer<typeof Errors>>({
  id: 'haproxy.errors',
  question: 'Do 5xx answers rise?',
  thresholds: Errors,
  needs: ['stats'],
  falseAlarm: 'Health checks of another proxy that are answered with 503 on purpose.',
  judge({ instances, history, target, thresholds }) {
    const over = (metric: string) => {
      const past = mean(history.series({ metric, target, windowMs: thresholds.windowSeconds * 1000 }));
      return past ?? sum(instances, metric);
    };
    const requests = over('haproxy.requests');
    if (requests === undefined || requests * 60 < thresholds.minimumRequests)
      return [
        {
          level: 'ok',
          basis: 'thin',
          summary: `Only ${figure((requests ?? 0) * 60, 'count')} requests a minute.`,
        },
      ];
    const failed = over('haproxy.errors_5xx') ?? 0;
    const retries = over('haproxy.retries') ?? 0;
    const value = Math.min(1, failed / requests);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    return [
      {
        level,
        cleared,
        summary: `${figure(value, 'share')} of answers are 5xx (limit ${figure(threshold, 'share')}), ${figure(failed, '/s')}; ${figure(retries, '/s')} connections are tried again.`,
        value,
        unit: 'share',
        threshold,
        evidence: [serverTable(instances)],
        ...(level === 'ok'
          ? {}
          : {
              advice:
                'With servers down or requests waiting, capacity is missing. With neither, the application itself fails: see its log.',
            }),
      },
    ];
  },
});

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
    ];
  },
});

function servers(instances: Instances): ServerRow[] {
  return instances.flatMap((one) => one.facts.servers ?? []);
}

function sum(instances: Instances, metric: string): number | undefined {
  const values = instances.flatMap((one) => one.value(metric) ?? []);
  return values.length > 0 ? values.reduce((all, value) => all + value, 0) : undefined;
}

export function serverTable(instances: Instances): Evidence {
  return {
    kind: 'table',
    title: 'Servers',
    columns: [
      { name: 'server' },
      { name: 'status' },
      { name: 'for', unit: 's' },
      { name: 'check' },
      { name: 'current' },
      { name: 'waiting' },
      { name: 'weight' },
    ],
    rows: servers(instances).map((server) => [
      server.name,
      server.status,
      server.sinceSeconds,
      server.checkStatus,
      server.current,
      server.queue,
      server.weight,
    ]),
  };
}
