import { z } from 'zod';
import { figure, lasted } from '../../message/figures.ts';
import { defineCheck, type Evidence, type JudgeInput, type Verdict } from '../contract.ts';
import { detail, partsOf } from './parts.ts';

const Clock = z.object({
  warn: z
    .number()
    .positive()
    .default(2)
    .describe(
      'Seconds; under half of a round, so that what a log says and what was measured still meet. Time servers keep hosts within 0.1 s.',
    ),
  critical: z
    .number()
    .positive()
    .default(60)
    .describe('Seconds; from here on sessions, signed requests and replication begin to fail.'),
  clear: z.number().positive().default(1).describe('Seconds; half of the limit.'),
  windowSeconds: z
    .number()
    .min(10)
    .max(600)
    .default(60)
    .describe(
      'Seconds looked back: an answer that had to wait makes a clock look fast, so the least of them counts.',
    ),
  ownSeconds: z
    .number()
    .min(0)
    .default(300)
    .describe('Seconds for which a jump of Warroom’s own clock is told: its figures have a gap there.'),
});
type Clock = z.infer<typeof Clock>;

interface Host {
  readonly host: string;
  /** Seconds that its clock is ahead of ours. */
  readonly offset: number;
  readonly local: boolean;
}

export const clock = defineCheck<object, Clock>({
  id: 'self.clock',
  question: 'Do the clocks agree?',
  thresholds: Clock,
  needs: [],
  falseAlarm: 'A host that is so busy that it answers seconds late for a whole minute looks a little fast.',
  judge(input) {
    const jumps = ownJumps(input);
    const hosts = offsetsOf(input);
    if (hosts.length === 0)
      return [...jumps, { level: 'ok', basis: 'thin', summary: 'No host told its clock yet.' }];
    const worst = [...hosts].sort((a, b) => Math.abs(b.offset) - Math.abs(a.offset))[0] as Host;
    const off = hosts.filter((one) => Math.abs(one.offset) > input.thresholds.warn);
    const value = Math.abs(worst.offset);
    if (off.length === 0)
      return [
        ...jumps,
        {
          level: 'ok',
          cleared: value <= input.thresholds.clear,
          summary: `${hosts.length === 1 ? 'The clock of 1 host agrees' : `The clocks of ${hosts.length} hosts agree`} with Warroom’s within ${figure(value, 's')} (limit ${figure(input.thresholds.warn, 's')}).`,
          value,
          unit: 's',
          threshold: input.thresholds.warn,
        },
      ];
    const remote = hosts.filter((one) => !one.local);
    // Where all are off by the same, it is the one that they are compared with.
    const least = Math.min(...remote.map((one) => one.offset));
    const most = Math.max(...remote.map((one) => one.offset));
    if (remote.length > 1 && off.length === remote.length && most - least <= input.thresholds.warn)
      return [
        ...jumps,
        {
          level: graded(least, input.thresholds),
          summary: `Warroom’s own clock is ${words(-least)} against ${remote.length} of ${remote.length} hosts (limit ${figure(input.thresholds.warn, 's')}).`,
          value: Math.abs(least),
          unit: 's',
          threshold: input.thresholds.warn,
          evidence: [table(hosts)],
          advice: 'Set the clock of the machine that Warroom runs on: timedatectl set-ntp true',
        },
      ];
    return [
      ...jumps,
      ...off.map(
        ({ host, offset }): Verdict => ({
          subject: host,
          level: graded(offset, input.thresholds),
          summary: `The clock of ${host} is ${words(offset)} (limit ${figure(input.thresholds.warn, 's')}): what its logs say is off by that.`,
          value: Math.abs(offset),
          unit: 's',
          threshold: input.thresholds.warn,
          evidence: [table(hosts)],
          advice: `On ${host}: timedatectl set-ntp true  (then: chronyc makestep, or systemctl restart systemd-timesyncd)`,
        }),
      ),
    ];
  },
});

/** Parts that the rounds report after the clock of this machine was set. */
function ownJumps(input: JudgeInput<object, Clock>): Verdict[] {
  return partsOf(input, 'clock')
    .filter((part) => part.state !== 'ok')
    .filter((part) => Math.abs(input.at - part.since) < input.thresholds.ownSeconds * 1000)
    .map((part) => ({
      subject: detail(part),
      level: 'warn',
      summary: `Warroom’s own clock was set ${lasted(Math.max(0, input.at - part.since))} ago: ${part.what}.`,
      advice:
        'Figures from before stand at another time, and those in between are missing. Let a time server keep the clock: timedatectl set-ntp true',
    }));
}

function offsetsOf({ stack, history, thresholds }: JudgeInput<object, Clock>): Host[] {
  return [...stack.hosts.values()].flatMap((host) => {
    const points = history.series({
      metric: 'host.clock_offset',
      target: host.name,
      windowMs: thresholds.windowSeconds * 1000,
    });
    // The host reads its clock after our question and before its answer: waiting only ever makes it look fast.
    const offset = Math.min(...points.map((point) => point.value));
    return points.length === 0 ? [] : [{ host: host.name, offset, local: host.local }];
  });
}

function graded(offset: number, { critical }: Clock): 'warn' | 'critical' {
  return Math.abs(offset) > critical ? 'critical' : 'warn';
}

function words(offset: number): string {
  return `${figure(Math.abs(offset), 's')} ${offset > 0 ? 'fast' : 'slow'}`;
}

function table(hosts: readonly Host[]): Evidence {
  return {
    kind: 'table',
    title: 'Clocks against that of Warroom',
    columns: [{ name: 'host' }, { name: 'ahead', unit: 's' }],
    rows: [...hosts]
      .sort((a, b) => Math.abs(b.offset) - Math.abs(a.offset))
      .slice(0, 20)
      .map((one) => [one.host, one.offset]),
  };
}
