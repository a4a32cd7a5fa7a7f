import { type ErrorCode, type ErrorFields, sentence } from '../../errors/catalogue.ts';
import { own, paragraph, say } from '../../message/build.ts';
import type { Message, Text } from '../../message/contract.ts';
import type { IncidentJson, ProposalJson } from '../contract.ts';
import type { CommandDesk } from './contract.ts';

export function answer(...texts: readonly Text[]): Message {
  return { blocks: texts.map(paragraph) };
}

/** An answer that says what is wrong; the sentence may hold what a person typed, so it is foreign whole. */
export function problem(code: ErrorCode, fields: ErrorFields): Message {
  return answer(say`${sentence(code, fields)}`);
}

/** Told to whoever lacks the right, with the line that gives it. */
export function notAllowed(
  what: string,
  refused: { readonly person: { readonly rights: readonly string[] }; readonly mend: string },
): Message {
  return problem('NOT_ALLOWED', {
    what,
    rights: refused.person.rights.join(', ') || 'none',
    mend: refused.mend,
  });
}

/** What cannot be done, with the line that mends it. */
export function refusal(made: { readonly refused: string; readonly mend?: string }): Message {
  return answer(say`Not possible: ${made.refused}${made.mend ? say` ${made.mend}` : own('')}`);
}

/** `12`, `#12`, or nothing when one incident is open. */
export function incidentOf(typed: string | undefined, desk: CommandDesk): IncidentJson | Message {
  const open = desk.incidents('open');
  if (typed !== undefined) {
    const id = typed.replace(/^#/, '');
    return desk.incident(id) ?? problem('NOT_FOUND', { kind: 'incident', id: typed, hint: openHint(open) });
  }
  const [only, another] = open;
  if (only && !another) return only;
  return problem('NOT_FOUND', {
    kind: 'incident',
    id: '(none named)',
    hint: open.length
      ? `Several are open: name one of ${open.map((one) => one.id).join(', ')}.`
      : 'None is open.',
  });
}

/** `12-A`, or nothing when one proposal waits. */
export function proposalOf(typed: string | undefined, desk: CommandDesk): ProposalJson | Message {
  const waiting = desk
    .incidents('open')
    .flatMap((incident) => incident.proposals.filter((proposal) => proposal.state === 'pending'));
  const all = waiting.map((proposal) => proposal.id).join(', ') || 'none';
  if (typed !== undefined) {
    const id = typed.replace(/^#/, '').toUpperCase();
    return (
      desk.proposal(id) ?? problem('NOT_FOUND', { kind: 'proposal', id: typed, hint: `Waiting: ${all}.` })
    );
  }
  const [only, another] = waiting;
  return only && !another
    ? only
    : problem('NOT_FOUND', { kind: 'proposal', id: '(none named)', hint: `Waiting: ${all}.` });
}

export function isMessage(value: object): value is Message {
  return 'blocks' in value;
}

function openHint(open: readonly IncidentJson[]): string {
  return open.length ? `Open: ${open.map((one) => one.id).join(', ')}.` : 'None is open.';
}
