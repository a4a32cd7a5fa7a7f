import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { UwsgiFacts } from '../facts.ts';
import { byInstance, flightTable, inFlight, over, pathTable, stuckShare, thin, window } from './shared.ts';

const ResponseTime = z.object({
  warn: z
    .number()
    .positive()
    .default(1)
    .describe('Seconds; the rule of a launch: a mean above 1 s is felt by everybody.'),
  critical: z.number().positive().default(3).describe('Seconds; visitors begin to give up at about 3 s.'),
  clear: z
    .number()
    .positive()
    .default(0.8)
    .describe('Seconds; a fifth under the limit, so that it does not flap.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(20)
    .describe('Requests a minute; a mean of fewer hangs on single requests.'),
  windowSeconds: window,
});

export const responseTime = defineCheck<UwsgiFacts, z.infer<typeof ResponseTime>>({
  id: 'uwsgi.response-time',
  question: 'Is the mean response time under 1 s?',
  thresholds: ResponseTime,
  needs: ['stats'],
  falseAlarm:
    'Uploads, long polling and exports answer slowly by design: give them a service of their own, or raise the limit.',
  judge(input) {
    const { thresholds } = input;
    const requests = over(input, 'uwsgi.requests', thresholds.windowSeconds);
    const busy = over(input, 'uwsgi.busy_seconds', thresholds.windowSeconds);
    if (requests === undefined || busy === undefined)
      return [thin('Two rounds are needed for a mean response time.')];
    const stuck = inFlight(input.instances).filter((row) => row.longestSeconds > thresholds.critical);
    const evidence = [
      byInstance(input.instances),
      ...pathTable(input.instances),
      ...flightTable(input.instances),
    ];
    if (requests * 60 < thresholds.minimumRequests) {
      return stuck.length > 0 && stuckShare(input.instances, thresholds.critical) >= 0.5
        ? [
            {
              level: 'critical',
              summary: `Half of the workers have been on one request for more than ${figure(thresholds.critical, 's')}, and hardly any ends.`,
              value: stuck[0]?.longestSeconds ?? 0,
              unit: 's',
              threshold: thresholds.critical,
              evidence,
              advice: 'See which URL they are on and what that waits for (database, another service).',
            },
          ]
        : [thin(`Only ${figure(requests * 60, 'count')} requests a minute.`)];
    }
    const value = busy / requests;
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    return [
      {
        level,
        cleared,
        summary: `Mean response time ${figure(value, 's')} (limit ${figure(threshold, 's')}) at ${figure(requests, '/s')}.`,
        value,
        unit: 's',
        threshold,
        evidence,
        ...(level === 'ok'
          ? {}
          : {
              advice:
                'The URLs at the top of the table are where the time goes: see what they wait for (database, cache, another service).',
            }),
      },
    ];
  },
});

const Errors = z.object({
  warn: z
    .number()
    .min(0)
    .default(0.02)
    .describe('Share of requests; stock alerts begin at 2 % of failed requests.'),
  critical: z.number().min(0).default(0.05).describe('Share of requests; stock alerts call 5 % critical.'),
  clear: z.number().min(0).default(0.01).describe('Share of requests; where stock alerts end.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(120)
    .describe('Requests a minute; a share of fewer says little.'),
  windowSeconds: window,
});

export const errors = defineCheck<UwsgiFacts, z.infer<typeof Errors>>({
  id: 'uwsgi.errors',
  question: 'Do workers raise exceptions or get killed?',
  thresholds: Errors,
  needs: ['stats'],
  falseAlarm: 'An exception that a visitor never sees (a client that went away) counts here as well.',
  judge(input) {
    const { instances, thresholds } = input;
    const seconds = thresholds.windowSeconds;
    const requests = over(input, 'uwsgi.requests', seconds);
    const empty = instances.filter((one) => {
      const workers = one.facts.workers ?? [];
      return workers.length > 0 && workers.every((worker) => !worker.loaded);
    });
    const killed = over(input, 'uwsgi.harakiri', seconds) ?? 0;
    const exceptions = over(input, 'uwsgi.exceptions', seconds) ?? 0;
    const evidence = [byInstance(instances)];
    if (empty.length > 0)
      return [
        {
          level: 'critical',
          certain: true,
          summary: `No worker on ${empty.map((one) => one.instance).join(', ')} has an application loaded: every request there is answered with 500.`,
          evidence,
          advice: 'Its import failed at the last start or reload: the log of uWSGI has the traceback.',
        },
      ];
    if (requests === undefined) return [thin('Two rounds are needed for a share of errors.')];
    if (killed > 0)
      return [
        {
          level: 'warn',
          summary: `uWSGI killed ${figure(killed * seconds, 'count')} requests that took longer than its harakiri time in ${seconds} s.`,
          value: killed,
          unit: '/s',
          evidence: [...evidence, ...flightTable(instances)],
          advice: 'The URLs below took too long: see what they wait for.',
        },
      ];
    if (requests * 60 < thresholds.minimumRequests)
      return [
        thin(
          `Only ${figure(requests * 60, 'count')} requests a minute; ${figure(exceptions * seconds, 'count')} exceptions in ${seconds} s.`,
        ),
      ];
    const value = Math.min(1, exceptions / requests);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    return [
      {
        level,
        cleared,
        summary: `${figure(value, 'share')} of requests end in an exception (limit ${figure(threshold, 'share')}), ${figure(exceptions, '/s')}.`,
        value,
        unit: 'share',
        threshold,
        evidence,
        ...(level === 'ok'
          ? {}
          : {
              advice: "The application's log has the exception; errors that began with a reload point at it.",
            }),
      },
    ];
  },
});
