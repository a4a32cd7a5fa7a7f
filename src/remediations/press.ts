import type { Transaction } from 'kysely';
import { reason, sentence } from '../errors/catalogue.ts';
import { own, paragraph, say } from '../message/build.ts';
import type { Text } from '../message/contract.ts';
import { decide, type Identity, nameOf, personOf } from '../people/person.ts';
import { appendAudit, shortHash } from '../store/audit.ts';
import type { Database } from '../store/schema.ts';
import type { PressResult, ProposalJson } from './contract.ts';
import { readProposal } from './ledger.ts';
import type { Parts } from './parts.ts';
import { handsOffRefusal } from './policy.ts';
import { approvalsNeeded, type Proposal } from './record.ts';

type Tx = Transaction<Database>;
export type Button = 'approve' | 'refuse';

interface Press {
  readonly button: Button;
  readonly id: string;
  readonly planHash: string;
  readonly identity: Identity;
  readonly by: string;
}

/** `next` is what the press set going; the guard does it after the transaction. */
interface Answer {
  readonly status: 200 | 403 | 404 | 409;
  readonly text: string;
  readonly next?: 'run' | 'keep' | 'take-back';
}

export interface Pressed {
  readonly result: (view: (id: string) => ProposalJson | undefined) => PressResult;
  readonly next: Answer['next'];
}

/**
 * One press, whatever comes of it: the right is decided now, the store decides the race, and the audit log has it.
 * All of that is one transaction, so that no answer is given for what was not written.
 */
export async function press(
  parts: Parts,
  button: Button,
  id: string,
  planHash: string,
  identity: Identity,
): Promise<Pressed> {
  const by = nameOf(personOf(identity, parts.config()));
  const pressed: Press = { button, id, planHash, identity, by };
  const { answer, hash } = await parts.ledger.write([id], async (tx) => {
    const given = await answerTo(parts, tx, pressed);
    const audited = await appendAudit(tx, {
      at: parts.now(),
      who: `${by} (${identity.platform}:${identity.id})`,
      what: given.status === 200 ? button : `${button} refused`,
      json: { proposal: id, planHash, status: given.status, answer: given.text },
    });
    // Written behind the audit row: the thread carries the hash of the very press that it tells of.
    if (given.status === 200) await tell(parts, tx, pressed, given.text, audited);
    return { answer: given, hash: audited };
  });
  const message = { blocks: [paragraph(withHash(say`${answer.text}`, hash))] };
  return {
    next: answer.next,
    result: (view) => {
      if (answer.status !== 200) return { ok: false, status: answer.status, reason: answer.text, message };
      const proposal = view(id);
      return { ok: true, message, ...(proposal ? { proposal } : {}) };
    },
  };
}

/** What is pressed while the store refuses writes is not done: it could not be journalled. */
export function unwritten(
  button: Button,
  id: string,
  path: string,
  thrown: unknown,
): PressResult | undefined {
  if (!/^SQLITE_/.test(String((thrown as { code?: unknown } | null)?.code ?? ''))) return undefined;
  const said = `${id} was not ${button}d, and nothing was done: ${path} cannot be written (${reason(thrown)}).`;
  const text = say`${said} Make room there, then press again.`;
  return { ok: false, status: 503, reason: said, message: { blocks: [paragraph(text)] } };
}

function withHash(text: Text, hash: string): Text {
  return say`${text}${own(` · audit ${shortHash(hash)}`)}`;
}

async function tell(parts: Parts, tx: Tx, pressed: Press, text: string, hash: string): Promise<void> {
  const found = await readProposal(tx, pressed.id);
  if (!found) return;
  await parts.publish(tx, {
    incident: found.record.incident,
    at: parts.now(),
    what: `${text} · audit ${shortHash(hash)}`,
    reply: true,
    by: pressed.by,
  });
}

async function answerTo(parts: Parts, tx: Tx, pressed: Press): Promise<Answer> {
  const { id, button, identity } = pressed;
  const found = await readProposal(tx, id);
  if (!found)
    return {
      status: 404,
      text: sentence('NOT_FOUND', { kind: 'proposal', id, hint: '"fix" lists those that wait.' }),
    };
  // Keeping or taking back what could not be judged is as much as approving it.
  const right = button === 'approve' || found.state === 'needs-human' ? 'approve' : 'operate';
  const decision = decide(identity, right, parts.config(), found.record.askers);
  if (!decision.allowed)
    return { status: 403, text: `You may not ${button} ${id}: ${decision.reason}. ${decision.mend}` };
  if (pressed.planHash !== found.record.planHash)
    return { status: 409, text: sentence('PLAN_CHANGED', { id, planHash: found.record.planHash }) };
  if (found.state === 'needs-human' && found.record.decideBy !== null)
    return decided(parts, tx, pressed, found);
  // The sweep marks it so, and tells the thread.
  if (found.state === 'pending' && parts.now() > found.record.expiresAt)
    return {
      status: 409,
      text: `${id} expired before it was approved. If it is still wanted, it is proposed again.`,
    };
  return button === 'approve' ? approve(parts, tx, pressed, found) : refuse(parts, tx, pressed, found);
}

async function approve(parts: Parts, tx: Tx, { id, by }: Press, found: Proposal): Promise<Answer> {
  if (found.state !== 'pending') return notPending(found);
  const handsOff = parts.handsOff();
  if (handsOff) {
    const { refused, mend } = handsOffRefusal(handsOff);
    return { status: 409, text: `${refused} ${mend}` };
  }
  if (found.approvals.some((approval) => approval.by === by))
    return { status: 409, text: `You approved ${id} already; it needs another person.` };
  await tx
    .insertInto('approvals')
    .values({ proposal: id, plan_hash: found.record.planHash, person: by, at: parts.now() })
    .execute();
  const needed = approvalsNeeded(found.record.plan.risk, parts.config().policy);
  const have = found.approvals.length + 1;
  if (have < needed) return { status: 200, text: `${id} approved by ${by}, ${have} of ${needed}.` };
  if (!(await parts.ledger.move(tx, id, 'pending', 'approved', { approvedAt: parts.now() })))
    return { status: 409, text: `${id} was changed by somebody else at the same moment.` };
  return { status: 200, text: `${id} approved by ${by}.`, next: 'run' };
}

async function refuse(parts: Parts, tx: Tx, { id, by }: Press, found: Proposal): Promise<Answer> {
  if (found.state !== 'pending' && found.state !== 'approved') return notPending(found);
  const outcome = `Refused by ${by}.`;
  if (!(await parts.ledger.move(tx, id, found.state, 'refused', { endedAt: parts.now(), outcome })))
    return { status: 409, text: `${id} was changed by somebody else at the same moment.` };
  return { status: 200, text: `${id} refused by ${by}.` };
}

/** It could not be told whether it helped, and a person says what becomes of it. */
async function decided(parts: Parts, tx: Tx, { id, by, button }: Press, found: Proposal): Promise<Answer> {
  if (button === 'refuse')
    return { status: 200, text: `${id} is taken back: ${by} decided so.`, next: 'take-back' };
  const outcome = `${found.record.outcome ?? ''} Kept: ${by} decided so.`.trim();
  const change = { outcome, decideBy: null, endedAt: parts.now() };
  if (!(await parts.ledger.move(tx, id, 'needs-human', 'kept', change)))
    return { status: 409, text: `${id} was changed by somebody else at the same moment.` };
  return { status: 200, text: `${id} is kept: ${by} decided so.`, next: 'keep' };
}

function notPending(found: Proposal): Answer {
  const { id, outcome } = found.record;
  const by = found.approvals.map((approval) => approval.by).join(', ');
  if (by !== '' && (found.state === 'approved' || found.state === 'running' || found.state === 'settling'))
    return { status: 409, text: `${id} was already approved by ${by}; it is ${found.state}.` };
  const state = outcome ? `${found.state} (${outcome})` : found.state;
  return {
    status: 409,
    text: sentence('NOT_PENDING', { id, state, by: by === '' ? '' : `, approved by ${by}` }),
  };
}
