import type { Evidence, Finding } from '../../../src/checks/contract.ts';
import type { discordStage } from '../../chat/discord-stage.ts';
import { type Rehearsal, rehearsal } from '../../chat/rehearsal.ts';
import type { slackStage } from '../../chat/slack-stage.ts';
import { type Act, eventually } from '../../proof.ts';
import { ALL, LONG, PIECES, SHOUTS } from './texts.ts';

export type Slack = Awaited<ReturnType<typeof slackStage>>;
export type Discord = Awaited<ReturnType<typeof discordStage>>;

export interface Stages {
  readonly slack: Slack;
  readonly discord: Discord;
}

const CHECK = 'memcached.latency';
/** One incident each; the last ones carry what is too long. */
const GROUPS = 6;
export const SERVICES = [
  ...Array.from({ length: GROUPS }, (_, i) => [`cache${i + 1}`, `advised${i + 1}`]).flat(),
  'long1',
  'long2',
];
const DRAINED_MS = 100_000;

/** A bot on both platforms that calls somebody soon, so that there are mentions of our own beside the hostile ones. */
export async function startRehearsal(act: Act, { slack, discord }: Stages): Promise<Rehearsal> {
  discord.standIn.world.addRole('oncall');
  const bot = rehearsal(act, [slack, discord], SERVICES, {
    escalate: [
      { after: '2s', mention: 'ada' },
      { after: '4s', mention: '@oncall' },
    ],
  });
  act.lastWords(
    () =>
      `not delivered:\n${bot
        .read<object>(
          "select platform, post, state, attempts, problem from outbox where state <> 'sent' order by id limit 20",
        )
        .map((row) => JSON.stringify(row))
        .join('\n')}\n${bot
        .log()
        .split('\n')
        .slice(-12)
        .map((line) => line.slice(0, 400))
        .join('\n')}`,
  );
  await bot.start();
  await eventually('both connections', () => (slack.connected() && discord.connected()) || undefined, 30_000);
  return bot;
}

/** Every piece as summary, subject, figure, title, column, cell, note and advice, alone and with all others. */
export function playHostile(bot: Rehearsal): void {
  for (const [service, finding] of findings()) bot.take(CHECK, service, [finding]);
}

/** The same places say something else: every head is edited. */
export function playAgain(bot: Rehearsal, round: number): void {
  for (const [service, finding] of findings())
    bot.take(CHECK, service, [{ ...finding, summary: `${round} ${finding.summary}`, value: 9 + round }]);
}

export function playWell(bot: Rehearsal): void {
  for (let good = 0; good < 3; good += 1)
    for (const [service, { subject }] of findings())
      bot.take(CHECK, service, [
        { ...(subject === undefined ? {} : { subject }), cleared: true, summary: ALL },
      ]);
}

export async function delivered(bot: Rehearsal, what: string): Promise<void> {
  await eventually(what, () => (bot.waiting() === 0 ? true : undefined), DRAINED_MS, 300);
}

function findings(): (readonly [string, Partial<Finding>])[] {
  const bad = { level: 'critical', certain: true, value: 9, unit: 'ms' } as const;
  const size = Math.ceil(PIECES.length / GROUPS);
  const groups = Array.from({ length: GROUPS }, (_, i) => PIECES.slice(i * size, (i + 1) * size));
  return [
    // A card that is full shows no advice, so it has incidents of its own.
    ...groups.flatMap((pieces, i): (readonly [string, Partial<Finding>])[] => [
      [
        `cache${i + 1}`,
        {
          ...{ ...bad, subject: pieces.join(' ').slice(0, 120), advice: ALL },
          ...{ summary: `${pieces.join(' ')} | ${ALL}`, evidence: evidence(pieces) },
        },
      ],
      [
        `advised${i + 1}`,
        {
          ...bad,
          subject: `${pieces.at(-1)}`,
          summary: pieces.join(' '),
          advice: `${pieces[0]} ${pieces.join(' ')}`,
        },
      ],
    ]),
    ['long1', { ...bad, subject: LONG, summary: LONG, evidence: evidence([LONG]), advice: LONG }],
    [
      'long2',
      { ...bad, subject: SHOUTS, summary: SHOUTS, evidence: evidence([SHOUTS, ALL]), advice: SHOUTS },
    ],
  ];
}

/** Every kind of evidence, with the pieces wherever a text may stand. */
function evidence(pieces: readonly string[]): Evidence[] {
  const first = pieces[0] ?? '';
  return [
    { kind: 'figures', rows: pieces.map((name, i) => ({ name, value: i, unit: 's', limit: 1 })) },
    {
      kind: 'table',
      title: first,
      columns: [{ name: pieces.at(-1) ?? '' }, { name: 'n', unit: 's' }],
      rows: pieces.map((piece, i) => [piece, i]),
    },
    ...pieces.map((text): Evidence => ({ kind: 'note', text })),
  ];
}
