import { z } from 'zod';
import type { Stack } from '../../config/stack.ts';
import { figure } from '../../message/figures.ts';
import { defineCheck, type HistoryView, type JudgeInput, type Verdict } from '../contract.ts';
import { grade } from '../judging.ts';
import { mean } from '../rate.ts';
import { type Capacity, capacityOf } from './capacity.ts';
import { capacityEvidence } from './capacity-evidence.ts';

export const CapacityThresholds = z.object({
  targetBusy: z
    .number()
    .positive()
    .max(1)
    .default(0.7)
    .describe(
      'Share of the workers’ time; above it waiting grows steeply (as 1 / (1 - share) for requests that come at random).',
    ),
  targetCpu: z
    .number()
    .positive()
    .max(1)
    .default(0.7)
    .describe('Share of the hosts’ cores; the rest is for bursts, and for the loss of one server of four.'),
  critical: z
    .number()
    .min(1)
    .default(2)
    .describe('Times the plan; a load that needs twice the servers is another one than was planned for.'),
  clear: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Times the plan; a tenth under it, so that it does not flap.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(120)
    .describe('Requests a minute that reach the application; of fewer, the cost of one is not known well.'),
  windowSeconds: z
    .number()
    .min(15)
    .max(600)
    .default(30)
    .describe('Seconds looked back, six rounds: servers are added for what lasts, not for a burst.'),
});
type Thresholds = z.infer<typeof CapacityThresholds>;

export const capacity = defineCheck<object, Thresholds>({
  id: 'stack.capacity',
  question: 'How many application servers does this load need, against launch.expect?',
  thresholds: CapacityThresholds,
  needs: [],
  falseAlarm:
    'A database that is slow makes every request hold its worker: the figure then says how many servers would wait for it, and more of them would make it worse.',
  judge(input) {
    const apps = input.stack.of('uwsgi');
    if (apps.length === 0)
      return [{ level: 'ok', basis: 'thin', summary: 'The config names no application.' }];
    return apps.map((app) => {
      const verdict = judged(app.name, input);
      return apps.length === 1 ? verdict : { ...verdict, subject: app.name };
    });
  },
});

function judged(service: string, input: JudgeInput<object, Thresholds>): Verdict {
  const { stack, thresholds } = input;
  const found = capacityOf(service, input, thresholds);
  if (!found || found.arriving * 60 < thresholds.minimumRequests)
    return {
      level: 'ok',
      basis: 'thin',
      summary: `Only ${figure((found?.arriving ?? 0) * 60, 'count')} requests a minute reach ${service}.`,
    };
  const planned = plannedFor(service, stack);
  const limits = {
    warn: planned.servers,
    critical: planned.servers * thresholds.critical,
    clear: planned.servers * thresholds.clear,
  };
  const { level, cleared } = grade(found.needed, limits, 'above');
  const needed = Math.max(1, Math.ceil(found.needed));
  const spared = found.inUse.length - Math.max(needed, planned.servers);
  const words = `This load needs ${servers(needed)} of ${service}, ${planned.words}`;
  return {
    level,
    cleared,
    summary:
      level === 'ok'
        ? `${words}${spared > 0 ? `; ${found.inUse.length} are in use, so ${spared} can be given back` : ''}.`
        : `${words}: look for a cause. ${figure(found.arriving, '/s')} arrive, each takes ${cost(found)}.`,
    value: found.needed,
    unit: 'count',
    threshold: planned.servers,
    evidence: capacityEvidence(found, stack, thresholds),
    ...(level === 'ok' ? {} : { advice: advice(found, input) }),
  };
}

/** What launch.expect says, else what the config runs it on. */
export function plannedFor(
  service: string,
  stack: Stack,
): { readonly servers: number; readonly words: string } {
  const expected = stack.config.launch.expect.app;
  const on = stack.hostsOf(service).length;
  return expected === undefined
    ? { servers: on, words: `the config has ${on}` }
    : { servers: expected, words: `planned ${expected}` };
}

function servers(count: number): string {
  return count === 1 ? '1 server' : `${count} servers`;
}

function cost({ fillsFirst, cpuPerRequest, busyPerRequest }: Capacity): string {
  return fillsFirst === 'CPU'
    ? `${figure(cpuPerRequest, 's')} of CPU`
    : `${figure(busyPerRequest, 's')} of a worker`;
}

function advice(found: Capacity, input: JudgeInput<object, Thresholds>): string {
  const { stack, history, thresholds } = input;
  const expected = stack.config.launch.expect.requests;
  const visitors = visitorsNow(stack, history, thresholds.windowSeconds);
  const more =
    expected === undefined || visitors === undefined
      ? ''
      : visitors > expected
        ? `More visitors came than planned (${figure(visitors, '/s')} of ${figure(expected, '/s')}). `
        : `No more visitors came than planned (${figure(visitors, '/s')} of ${figure(expected, '/s')}): something costs more than it should. `;
  const waits =
    found.fillsFirst === 'workers' &&
    found.cpuPerRequest !== undefined &&
    found.cpuPerRequest < found.busyPerRequest / 2
      ? 'Most of that time workers wait, not compute: see the database before adding servers. '
      : '';
  return `${more}${waits}See which URLs reach the application that the cache could answer (varnish misses), and which cost most (uwsgi requests); then add servers.`;
}

function visitorsNow(stack: Stack, history: HistoryView, windowSeconds: number): number | undefined {
  const target = stack.entry()?.name;
  if (target === undefined) return undefined;
  return mean(history.series({ metric: 'visitors.requests', target, windowMs: windowSeconds * 1000 }));
}
