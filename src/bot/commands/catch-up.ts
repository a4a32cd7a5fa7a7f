import { milliseconds } from '../../config/schema.ts';
import { own, say, strong, time } from '../../message/build.ts';
import type { Message, Text } from '../../message/contract.ts';
import type { ProposalJson } from '../contract.ts';
import type { Command, CommandDesk } from './contract.ts';

const LINES = 10;
const WITHOUT_CONTACT_MS = 3_600_000;

export const catchUp: Command = {
  name: 'catch-up',
  short: ['catchup'],
  summary: 'What you missed: what happened, what was done by whom, what waits; ten lines',
  example: 'catch-up 2h',
  arguments: [
    {
      name: 'since',
      about: 'how far back; without it since you were last here',
      kind: 'duration',
      required: false,
      choices: () => ['30m', '1h', '4h'],
    },
  ],
  flags: [],
  needs: 'see',
  run: async ({ args }, asker, desk) => {
    const typed = args['since'];
    const now = desk.now();
    const since =
      typed !== undefined
        ? now - milliseconds(typed)
        : (desk.lastHere(asker.name) ?? now - WITHOUT_CONTACT_MS);
    return catchUpMessage(desk, since);
  },
};

function catchUpMessage(desk: CommandDesk, since: number): Message {
  const all = desk.incidents();
  const open = all.filter((one) => one.resolvedAt === null);
  const done = all
    .flatMap((one) => one.proposals)
    .filter((proposal) => endOf(proposal) >= since && proposal.state !== 'pending');
  const opened = all.filter((one) => one.since >= since);
  const ended = all.filter((one) => (one.resolvedAt ?? 0) >= since);
  const waiting = open.flatMap((one) => one.proposals.filter((proposal) => proposal.state === 'pending'));
  const untaken = open.filter((one) => one.owner === null);
  const { handsOff, message: _, visitors, ...status } = desk.status();
  // What waits comes first: the lines that are cut are the oldest news.
  const lines: Text[] = [
    ...waiting.map(
      (one) =>
        say`${strong('Waits:')} ${own(one.id)} ${one.title}${own(` · ${one.approvals.length} of ${one.needed} approvers, until `)}${time(one.expiresAt, false)}`,
    ),
    ...untaken.map(
      (one) =>
        say`${strong('Nobody has')} ${own(`#${one.id}`)} ${one.title} · ${own(one.level)} since ${time(one.since, false)}`,
    ),
    ...open
      .filter((one) => one.owner !== null)
      .map((one) => say`${strong('Open:')} ${own(`#${one.id}`)} ${one.title} · ${one.owner ?? ''} has it`),
    ...(handsOff ? [say`${strong('hands-off')} since ${time(handsOff.since, false)} (${handsOff.by})`] : []),
    ...done.map(
      (one) => say`${strong('Done:')} ${own(`${one.id} `)}${one.title} · ${own(one.state)} · ${byWhom(one)}`,
    ),
    ...ended.map(
      (one) =>
        say`${strong('Over:')} ${own(`#${one.id}`)} ${one.title} · ${time(one.since, false)}-${time(one.resolvedAt ?? one.since, false)}`,
    ),
    ...opened
      .filter((one) => one.resolvedAt === null)
      .map(
        (one) => say`${strong('New:')} ${own(`#${one.id}`)} ${one.title} · since ${time(one.since, false)}`,
      ),
    ...desk
      .marks(since)
      .map((one) => say`${strong('Mark:')} ${one.text} · ${time(one.at, false)} (${one.by})`),
    ...status.silences.map(
      (one) => say`${strong('Silenced:')} ${one.scope} until ${time(one.until, false)} (${one.by})`,
    ),
  ];
  const shown = lines.length > LINES ? lines.slice(0, LINES - 1) : lines;
  return {
    blocks: [
      { kind: 'heading', tone: status.level, text: say`Since ${time(since, false)}` },
      ...(lines.length === 0 ? [say`Nothing happened and nothing waits.`] : shown).map(
        (text) => ({ kind: 'text', text }) as const,
      ),
      ...(lines.length > shown.length
        ? [
            {
              kind: 'text' as const,
              text: say`${own(`and ${lines.length - shown.length} more: /launch incidents, /launch timeline 12`)}`,
            },
          ]
        : []),
    ],
  };
}

function byWhom(proposal: ProposalJson): Text {
  const by = proposal.approvals.map((one) => one.by).join(', ');
  return by === '' ? say`nobody approved it` : say`${by}`;
}

/** When it last moved: its newest step, approval, or its end by time. */
function endOf(proposal: ProposalJson): number {
  return Math.max(
    0,
    ...proposal.steps.map((step) => step.at ?? 0),
    ...proposal.approvals.map((approval) => approval.at),
    proposal.state === 'expired' ? proposal.expiresAt : 0,
  );
}
