import type { Incident, Part } from '../../incidents/record.ts';
import { isOpen, LOOKING_MS } from '../../incidents/record.ts';
import { own, paragraph, say, strong, time } from '../../message/build.ts';
import type { Action, Block, Message, Span, Text, Tone } from '../../message/contract.ts';
import { figure, lasted } from '../../message/figures.ts';
import type { ProposalJson } from '../contract.ts';
import { evidenceBlocks } from './evidence.ts';
import { titleOf } from './titles.ts';

/** What visitors feel, as every head begins. */
export interface Visitors {
  readonly requests: number;
  readonly p95: number | null;
  readonly errorShare: number | null;
  readonly limit: number;
}

export interface HeadInput {
  readonly incident: Incident;
  readonly proposals: readonly ProposalJson[];
  readonly visitors: Visitors | null;
  readonly now: number;
}

const PARTS_SHOWN = 4;

/** The first message of a thread, edited in place for as long as the incident lives. */
export function headMessage(input: HeadInput): Message {
  const { incident } = input;
  return isOpen(incident) ? openHead(input) : endedHead(input);
}

export function titleOfIncident(incident: Incident): string {
  const cause = incident.causes[0];
  if (cause) return cause.title;
  const first = Object.values(incident.parts).sort((a, b) => rank(b) - rank(a) || a.since - b.since)[0];
  if (!first) return 'Incident';
  // What could not be looked at has not been found to be what the check is about.
  const what = first.finding.level === 'unknown' ? 'No figures' : titleOf(first.finding.check);
  return `${what} · ${first.finding.subject ?? first.finding.target}`;
}

function openHead({ incident, proposals, visitors, now }: HeadInput): Message {
  const cause = incident.causes[0];
  const blocks: Block[] = [
    {
      kind: 'heading',
      tone: toneOf(incident),
      text: say`${own(`#${incident.id} `)}${strongForeign(titleOfIncident(incident))} · since ${time(incident.openedAt)}`,
    },
    paragraph(visitorsLine(visitors, incident)),
  ];
  if (cause) {
    blocks.push(paragraph(say`${strong('Why:')} ${cause.summary}`));
    blocks.push(
      paragraph(
        say`${own(confidence(cause.confidence))}${cause.settle ? say` ${cause.settle}` : own('')}${cause.ruledOut.length ? own(` Ruled out: ${cause.ruledOut.join(', ')}.`) : own('')}`,
      ),
    );
    for (const other of incident.causes.slice(1, 3))
      blocks.push(paragraph(say`Also possible (${own(other.confidence)}): ${other.title}`));
    blocks.push(...evidenceBlocks(cause.evidence));
  } else {
    const bad = shownParts(incident);
    blocks.push({
      kind: 'fields',
      rows: bad.map((part) => ({
        tone: partTone(part),
        name: say`${part.finding.subject ?? part.finding.target}`,
        value: say`${part.finding.summary}`,
      })),
    });
    blocks.push(...bad.slice(0, 1).flatMap((part) => evidenceBlocks(part.finding.evidence)));
    blocks.push(
      paragraph(
        now - incident.openedAt < LOOKING_MS
          ? say`Looking for the cause, until ${time(incident.openedAt + LOOKING_MS)}.`
          : adviceText(bad),
      ),
    );
  }
  const next = nextLine(incident, proposals);
  if (next) blocks.push(paragraph(next));
  const held = Object.entries(incident.parts).filter(([, part]) => part.state === 'held');
  if (held.length > 0)
    blocks.push(
      paragraph(
        say`${own(`Holds back ${held.length} ${held.length === 1 ? 'symptom' : 'symptoms'}: `)}${held
          .slice(0, 6)
          .map(([id]) => id)
          .join(', ')}${held.length > 6 ? own(', …') : own('')}`,
      ),
    );
  const id = String(incident.id);
  const actions: Action[] = [
    ...(incident.owner === null
      ? [{ kind: 'acknowledge' as const, id, label: 'Acknowledge', style: 'plain' as const }]
      : []),
    { kind: 'silence', id, label: 'Silence', style: 'plain' },
  ];
  return { blocks: [...blocks, { kind: 'actions', actions }] };
}

function endedHead({ incident, proposals }: HeadInput): Message {
  const lastedText = lasted((incident.resolvedAt ?? incident.updatedAt) - incident.openedAt);
  const words = { resolved: 'RESOLVED', merged: 'MERGED', 'ended-unverified': 'TRAFFIC GONE' } as const;
  const word = words[incident.state as keyof typeof words];
  const blocks: Block[] = [
    {
      kind: 'heading',
      tone: incident.state === 'ended-unverified' ? 'unknown' : 'ok',
      word,
      text: say`${own(`#${incident.id} `)}${strongForeign(titleOfIncident(incident))} · ${time(incident.openedAt)}-${time(incident.resolvedAt ?? incident.updatedAt)} ${own(`(${lastedText})`)}`,
    },
  ];
  if (incident.mergedInto !== null)
    blocks.push(paragraph(say`It goes on in ${own(`#${incident.mergedInto}`)}: same cause.`));
  if (incident.causes[0]) blocks.push(paragraph(say`${strong('Why:')} ${incident.causes[0].summary}`));
  const kept = proposals.filter((proposal) => proposal.state === 'kept');
  if (kept.length > 0)
    blocks.push(
      paragraph(
        say`${strong('Fixed:')} ${joined(kept.map((proposal) => say`${own(proposal.id)} ${proposal.title} (${proposal.approvals.map((one) => one.by).join(', ')})`))}`,
      ),
    );
  blocks.push(paragraph(costLine(incident)));
  const patches = kept.filter((proposal) => proposal.patch);
  if (patches.length > 0)
    blocks.push(
      paragraph(
        say`${strong('To do:')} ${joined(patches.map((proposal) => say`put ${own(proposal.id)} into ${proposal.patch?.file ?? 'its file'}`))}, it is kept until restart only.`,
      ),
    );
  const giveBack = proposals.find(({ effect, state }) => effect === 'give-back' && state === 'pending');
  const actions: Action[] = [
    ...(giveBack
      ? [
          {
            kind: 'give-back' as const,
            ...{ id: giveBack.id, planHash: giveBack.planHash, style: 'primary' as const },
            label:
              giveBack.params['server'] === undefined
                ? 'Give back'
                : `Give ${giveBack.params['server']} back`,
          },
        ]
      : []),
    { kind: 'timeline', id: String(incident.id), label: 'Timeline', style: 'plain' },
  ];
  return { blocks: [...blocks, { kind: 'actions', actions }] };
}

/** The cost so far, counted since the incident opened. */
export function costLine(incident: Incident): Text {
  const share = incident.visitorRequests > 0 ? incident.failedRequests / incident.visitorRequests : 0;
  const failed = Math.round(incident.failedRequests);
  return say`${strong('Cost:')} ${own(`about ${figure(failed, 'count')} of ${figure(Math.round(incident.visitorRequests), 'count')} requests failed (${figure(share, 'share')})`)}${own(incident.worstP95 === null ? '' : `, p95 was ${figure(incident.worstP95, 's')} at worst`)}.`;
}

export function visitorsLine(visitors: Visitors | null, incident?: Incident): Text {
  if (!visitors)
    return say`${strong('Visitors:')} not seen (no Varnish or balancer is watched, or it does not answer).`;
  const p95 =
    visitors.p95 === null
      ? 'p95 unknown'
      : `p95 ${figure(visitors.p95, 's')}${visitors.p95 > visitors.limit ? ` (limit ${figure(visitors.limit, 's')})` : ''}`;
  const errors =
    visitors.errorShare === null ? 'errors unknown' : `${figure(visitors.errorShare, 'share')} errors`;
  const failed = visitors.errorShare ? visitors.errorShare * visitors.requests : 0;
  const rate = failed >= 0.1 ? `, about ${figure(failed, 'count')} requests/s fail` : '';
  const total =
    incident && incident.failedRequests >= 1
      ? ` · ${figure(Math.round(incident.failedRequests), 'count')} failed so far`
      : '';
  return say`${strong('Visitors:')} ${own(`${p95} · ${errors} · ${figure(visitors.requests, 'count')} req/s${rate}${total}`)}`;
}

function nextLine(incident: Incident, proposals: readonly ProposalJson[]): Text | undefined {
  const owner = incident.owner === null ? own('') : say` ${incident.owner} has it.`;
  const waiting = proposals.filter((proposal) => proposal.state === 'pending');
  const running = proposals.filter((proposal) =>
    ['approved', 'running', 'settling'].includes(proposal.state),
  );
  if (running.length > 0)
    return say`${strong('Now:')} ${joined(running.map((proposal) => say`${own(proposal.id)} ${proposal.title}${own(proposal.waits ? ` (${proposal.waits})` : '')}`))}.${owner}`;
  if (waiting.length > 0)
    return say`${strong('Next:')} ${joined(waiting.map((proposal) => say`${own(proposal.id)} ${proposal.title} (${own(proposal.effect)})`))}. Waiting for an approver.${owner}`;
  const byHand = incident.causes[0]?.byHand;
  if (byHand) return say`${strong('By hand:')} ${byHand}${owner}`;
  return incident.owner === null ? undefined : say`${incident.owner} has it.`;
}

function adviceText(parts: readonly Part[]): Text {
  const advice = parts.find((part) => part.finding.advice)?.finding.advice;
  return advice
    ? say`${strong('Advice:')} ${advice}`
    : say`No single cause covers what is seen. Not sure what it is; /launch why shows all findings.`;
}

function shownParts(incident: Incident): Part[] {
  return Object.values(incident.parts)
    .filter((part) => part.state === 'bad')
    .sort((a, b) => rank(b) - rank(a))
    .slice(0, PARTS_SHOWN);
}

function rank(part: Part): number {
  return ['ok', 'unknown', 'warn', 'critical'].indexOf(part.finding.level) + (part.state === 'bad' ? 0.5 : 0);
}

function partTone(part: Part): Tone {
  return part.finding.level;
}

function toneOf(incident: Incident): Tone {
  return incident.level === 'ok' ? 'warn' : incident.level;
}

const confidence = (word: string): string =>
  ({ sure: 'Sure: what is seen agrees.', likely: 'Likely.', 'not sure': 'Not sure.' })[word] ?? word;
const strongForeign = (text: string): Span => ({ kind: 'foreign', text });

function joined(texts: readonly Text[]): Text {
  return texts.flatMap((text, i) => (i === 0 ? text : [own(' · '), ...text]));
}
