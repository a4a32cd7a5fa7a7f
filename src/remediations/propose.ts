import { z } from 'zod';
import type { Wish } from '../diagnosis/contract.ts';
import { reason } from '../errors/catalogue.ts';
import { appendAudit } from '../store/audit.ts';
import { canonical, canonicalHash } from './canonical.ts';
import type { AnyRemediation, Plan, PlanContext, Refusal } from './contract.ts';
import { type Parts, WARROOM } from './parts.ts';
import { generalRules, runRules } from './policy.ts';
import { letters, PLANNED, type Proposal, type ProposalRecord } from './record.ts';
import { isRefusal } from './refusal.ts';
import { hasEnded } from './states.ts';
import { openRows } from './verdict.ts';

export { isRefusal } from './refusal.ts';

/** Reading what a plan needs: a few round trips, some of them to an application that is overloaded. */
const PLAN_MS = 30_000;
/** Proposals that one person may have waiting: a thread is no place for a hundred. */
const MOST_WAITING = 5;

export interface Made {
  readonly remediation: AnyRemediation;
  readonly params: Readonly<Record<string, unknown>>;
  readonly plan: Plan;
  readonly planHash: string;
}

/** A plan hash covers what would be done and what is replaced, and no figure that moves by itself. */
export function planHashOf(plan: Plan, params: unknown): string {
  return canonicalHash({ steps: plan.steps, target: plan.target, params, replaces: plan.replaces });
}

/** Reads, plans and prechecks; a wish's words are data until the schema has passed them. */
export async function makePlan(
  parts: Parts,
  wish: Pick<Wish, 'remediation' | 'params'>,
  proposalId: string,
): Promise<Made | Refusal> {
  const remediation = parts.remediations.find((one) => one.id === wish.remediation);
  if (!remediation) return { refused: `There is no remediation ${wish.remediation}.` };
  const parsed = remediation.params.safeParse(wish.params);
  if (!parsed.success) return { refused: `${remediation.id}: ${z.prettifyError(parsed.error)}` };
  const context: PlanContext = {
    stack: parts.stack,
    seen: parts.seen,
    config: parts.config(),
    targets: parts.targets,
    proposalId,
    signal: AbortSignal.timeout(PLAN_MS),
  };
  try {
    const prepared = await remediation.prepare(parsed.data, context);
    if (isRefusal(prepared)) return prepared;
    const plan = remediation.plan(parsed.data, prepared, context);
    if (isRefusal(plan)) return plan;
    const [first] = await remediation.precheck(parsed.data, prepared, context);
    if (first) return first;
    const params = parsed.data as Readonly<Record<string, unknown>>;
    return { remediation, params, plan, planHash: planHashOf(plan, params) };
  } catch (thrown) {
    parts.log.warn({ err: thrown, remediation: wish.remediation }, 'a plan could not be made');
    return { refused: `It could not be planned: ${reason(thrown)}` };
  }
}

/** What two wishes for the same thing have in common. */
export function sameKey(remediation: AnyRemediation, params: unknown): string {
  return `${remediation.id} ${remediation.same ? remediation.same(params) : canonical(params)}`;
}

export async function propose(
  parts: Parts,
  incident: number,
  wish: Wish,
  asker: string | undefined,
): Promise<Proposal | Refusal> {
  const remediation = parts.remediations.find((one) => one.id === wish.remediation);
  if (!remediation) return { refused: `There is no remediation ${wish.remediation}.` };
  const parsed = remediation.params.safeParse(wish.params);
  if (!parsed.success) return { refused: `${remediation.id}: ${z.prettifyError(parsed.error)}` };
  if (wish.withheld !== undefined) return { refused: `Withheld: ${wish.withheld}` };
  const same = sameKey(remediation, parsed.data);
  const equal = parts.ledger.all().find((one) => one.record.same === same && !hasEnded(one.state));
  if (equal?.state === 'pending' && equal.record.expiresAt > parts.now()) return equal;
  if (equal && equal.state !== 'pending')
    return { refused: `${equal.record.id} does the same and is ${equal.state}.` };
  if (asker !== undefined && waitingOf(parts, asker) >= MOST_WAITING)
    return { refused: `${MOST_WAITING} proposals of yours wait already.`, mend: 'Refuse one first.' };
  const input = {
    remediation,
    config: parts.config(),
    handsOff: parts.handsOff(),
    proposals: parts.ledger.all(),
    now: parts.now(),
  };
  const [rule] = generalRules(input);
  if (rule) return rule;
  const id = nextId(parts, incident);
  const made = await makePlan(parts, wish, id);
  if (isRefusal(made)) return made;
  const [limit] = runRules(input, made.plan.target, same);
  if (limit) return limit;
  return store(parts, record(parts, { incident, id, same, asker, made }), asker);
}

function waitingOf(parts: Parts, asker: string): number {
  return parts.ledger.all().filter((one) => one.state === 'pending' && one.record.askers.includes(asker))
    .length;
}

function nextId(parts: Parts, incident: number): string {
  const before = parts.ledger.all().filter((one) => one.record.incident === incident).length;
  return `${incident}-${letters(before)}`;
}

function record(
  parts: Parts,
  from: { incident: number; id: string; same: string; asker: string | undefined; made: Made },
): ProposalRecord {
  const { made } = from;
  const now = parts.now();
  return {
    id: from.id,
    incident: from.incident,
    remediation: made.remediation.id,
    params: made.params,
    same: from.same,
    askers: from.asker === undefined ? [] : [from.asker],
    plan: made.plan,
    planHash: made.planHash,
    createdAt: now,
    expiresAt: now + parts.config().policy.expire,
    approvedAt: null,
    startedAt: null,
    endedAt: null,
    decideBy: null,
    steps: made.plan.steps.map(() => PLANNED),
    verify: openRows(made.plan.verify),
    outcome: null,
  };
}

async function store(
  parts: Parts,
  made: ProposalRecord,
  asker: string | undefined,
): Promise<Proposal | Refusal> {
  await parts.ledger.write([made.id], async (tx) => {
    await parts.ledger.insert(tx, made);
    await appendAudit(tx, {
      at: made.createdAt,
      who: asker ?? WARROOM,
      what: 'propose',
      json: {
        proposal: made.id,
        remediation: made.remediation,
        params: made.params,
        planHash: made.planHash,
      },
    });
    await parts.publish(tx, {
      incident: made.incident,
      at: made.createdAt,
      what: `${made.id} proposed: ${made.plan.title}`,
      reply: false,
      ...(asker === undefined ? {} : { by: asker }),
    });
  });
  return parts.ledger.get(made.id) ?? { refused: `${made.id} was not stored.` };
}
