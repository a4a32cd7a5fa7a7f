import { dirname } from 'node:path';
import { z } from 'zod';
import type { Stack } from '../../config/stack.ts';
import type { PartHealth } from '../../health/health.ts';
import { defineCheck, type Verdict } from '../contract.ts';
import { age, counted, detail, downFor, partsOf, platformOf, sinceSeconds, table } from './parts.ts';

export { clock } from './clock.ts';
export { fixes } from './fixes.ts';

const afterSeconds = z
  .number()
  .min(0)
  .default(10)
  .describe('Seconds a part must be down: one lost packet or one slow answer is no failure.');

const Connectivity = z.object({ afterSeconds });

export const connectivity = defineCheck<object, z.infer<typeof Connectivity>>({
  id: 'self.connectivity',
  question: 'Can Warroom reach every host?',
  thresholds: Connectivity,
  needs: [],
  falseAlarm: 'A host that is restarted on purpose.',
  judge(input) {
    const parts = partsOf(input, 'host');
    const down = parts.filter((part) => downFor(part, input, input.thresholds.afterSeconds));
    if (down.length === 0) return [{ level: 'ok', summary: `${counted(parts.length, 'host')} reached.` }];
    // When nothing answers any more, it is Warroom that is cut off.
    const cutOff = parts.length > 1 && down.length === parts.length;
    if (cutOff)
      return [
        {
          level: 'critical',
          certain: true,
          summary: `None of ${parts.length} hosts can be reached: it is Warroom that is cut off, or what lies between.`,
          value: 0,
          unit: 'count',
          evidence: [table(down, input)],
          advice: 'Look at the network of the machine that Warroom runs on before looking at the hosts.',
        },
      ];
    return down.map(
      (part): Verdict => ({
        subject: detail(part),
        level: 'critical',
        certain: true,
        summary: `${detail(part)} cannot be reached for ${age(part, input)}: ${part.what}`,
        evidence: [table(down, input)],
        advice: part.mend ?? askByHand(detail(part), input.stack),
      }),
    );
  },
});

function askByHand(name: string, { hosts, config }: Stack): string {
  const host = hosts.get(name);
  const at = `${config.ssh?.user === undefined ? '' : `${config.ssh.user}@`}${host?.address ?? name}`;
  return `Ask it by hand from Warroom’s machine:  ssh -p ${host?.port ?? 22} ${at} uptime  If nothing answers there either, its power or network is gone: look at its console.`;
}

/** How the sentence of TARGET_UNREACHABLE begins. */
const UNREACHABLE = /^.{1,120} cannot be reached: /s;

const Collectors = z.object({
  afterSeconds: z
    .number()
    .min(0)
    .default(30)
    .describe(
      'Seconds a collector must fail: its own checks are unknown at once, this one says that it lasts.',
    ),
});

export const collectors = defineCheck<object, z.infer<typeof Collectors>>({
  id: 'self.collectors',
  question: 'Does every collector answer in time?',
  thresholds: Collectors,
  needs: [],
  falseAlarm:
    'A service that is stopped on purpose: its collectors fail until it is taken out of the config.',
  judge(input) {
    const parts = partsOf(input, 'collector');
    // A service or host that does not answer is said by the checks of its own; here it would be a second alarm.
    const bad = parts.filter(
      (part) =>
        part.state !== 'ok' &&
        !UNREACHABLE.test(part.what) &&
        sinceSeconds(part, input) >= input.thresholds.afterSeconds,
    );
    if (bad.length === 0)
      return [{ level: 'ok', summary: `${counted(parts.length, 'collector')} answer in time.` }];
    return [
      {
        level: 'warn',
        summary: `${bad.length} of ${parts.length} collectors fail or are late, first ${detail(bad[0] as PartHealth)}: ${bad[0]?.what ?? ''}`,
        value: bad.length,
        unit: 'count',
        threshold: 0,
        evidence: [table(bad, input)],
        advice:
          'What they read is called unknown until they answer again: "warroom doctor" says what each lacks.',
      },
    ];
  },
});

const Store = z.object({});

export const store = defineCheck<object, z.infer<typeof Store>>({
  id: 'self.store',
  question: 'Can Warroom write what it knows?',
  thresholds: Store,
  needs: [],
  falseAlarm: 'None: what cannot be written is lost at the next restart.',
  judge(input) {
    const bad = partsOf(input, 'store').filter((part) => part.state !== 'ok');
    if (bad.length === 0) return [{ level: 'ok', summary: 'The store takes writes.' }];
    const [part] = [...bad].sort((a, b) => a.since - b.since) as [PartHealth];
    const place = dirname(input.stack.config.store.replace(/^sqlite:/, ''));
    return [
      {
        level: bad.some((one) => one.state === 'down') ? 'critical' : 'warn',
        certain: true,
        summary: `The store is ${part.state === 'down' ? 'not writable' : 'slow'} for ${age(part, input)}: ${part.what}`,
        evidence: [table(bad, input)],
        advice:
          part.mend ??
          `Look for room and rights where it lies:  df -h ${place}; ls -ld ${place}  Until it takes writes, approvals are refused and what happens is in memory only.`,
      },
    ];
  },
});

const Chat = z.object({
  afterSeconds: z
    .number()
    .min(0)
    .default(20)
    .describe('Seconds a connection must be down: a refreshed socket is back within that time.'),
  disturbedSeconds: z
    .number()
    .min(0)
    .default(60)
    .describe(
      'Seconds of failures that pass by themselves: a rate limit or an outage of minutes is no news.',
    ),
});

export const chat = defineCheck<object, z.infer<typeof Chat>>({
  id: 'self.chat',
  question: 'Does Warroom reach the chat, and the chat Warroom?',
  thresholds: Chat,
  needs: [],
  falseAlarm: 'A platform that has an outage of its own: everything waits and is delivered when it is back.',
  judge(input) {
    const parts = partsOf(input, 'chat');
    const { afterSeconds, disturbedSeconds } = input.thresholds;
    // What works but for a missing right is on the set-up card.
    const bad = parts.filter(
      (part) =>
        downFor(part, input, afterSeconds) ||
        (part.state === 'degraded' && !part.mend && sinceSeconds(part, input) >= disturbedSeconds),
    );
    if (bad.length === 0)
      return [{ level: 'ok', summary: parts.length === 0 ? 'No chat is set up.' : 'The chat is connected.' }];
    return [...new Set(bad.map(platformOf))].map((platform): Verdict => {
      const own = bad.filter((part) => platformOf(part) === platform);
      const worst = own.find((part) => part.state === 'down') ?? (own[0] as PartHealth);
      const down = worst.state === 'down';
      return {
        subject: platform,
        level: down ? 'critical' : 'warn',
        certain: down,
        summary: `${platform} ${down ? 'is cut off' : 'is disturbed'} for ${age(worst, input)}: ${worst.what}`,
        evidence: [table(own, input)],
        advice:
          worst.mend ??
          'Messages wait and are delivered in order when it is back; the console can do all of it meanwhile.',
      };
    });
  },
});

const Outbox = z.object({
  afterSeconds: z
    .number()
    .min(0)
    .default(0)
    .describe('Seconds on top of the minute that a message may wait.'),
});

export const outbox = defineCheck<object, z.infer<typeof Outbox>>({
  id: 'self.outbox',
  question: 'Do messages leave in time?',
  thresholds: Outbox,
  needs: [],
  falseAlarm: 'A burst of threads: a platform takes about one message a second.',
  judge(input) {
    const bad = partsOf(input, 'outbox').filter(
      (part) => part.state !== 'ok' && sinceSeconds(part, input) >= input.thresholds.afterSeconds,
    );
    if (bad.length === 0) return [{ level: 'ok', summary: 'Messages leave in time.' }];
    return [
      {
        level: 'warn',
        summary: `Messages are late: ${bad.map((part) => part.what).join('; ')}`,
        value: bad.length,
        unit: 'count',
        threshold: 0,
        evidence: [table(bad, input)],
        advice: 'Nothing is lost: they are delivered in order. The console shows everything at once.',
      },
    ];
  },
});
