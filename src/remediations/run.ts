import { appendAudit, shortHash } from '../store/audit.ts';
import { type Hold, revert, Steps } from './apply.ts';
import type { ProposalState } from './contract.ts';
import { type RevertDecision, readJournal, writeJournal } from './journal.ts';
import { type Parts, WARROOM } from './parts.ts';
import { handsOffRefusal } from './policy.ts';
import { makePlan } from './propose.ts';
import type { Proposal, ProposalRecord } from './record.ts';
import { stepType } from './record.ts';
import { isRefusal } from './refusal.ts';
import { baselineOf, comparable, judge, openRows } from './verdict.ts';

const REPLAN_TRIES = 3;
const REPLAN_AGAIN_MS = 2_000;
const DECIDE_MS = 15 * 60_000;
/** After a restart the first rates need two snapshots. */
const WARM_UP_MS = 15_000;
const BASELINE_WAIT_MS = 30_000;
const BASELINE_STEP_MS = 1_000;

/** One proposal from its approval to its end. Each part begins at what the store holds, so that a restart may begin at any. */
export class Run {
  /** When the verdict is due, once that is known. */
  judgeAt: number | undefined;
  readonly #steps: Steps;

  constructor(
    private readonly parts: Parts,
    private readonly id: string,
    private readonly signal: AbortSignal,
    private readonly resumed: boolean,
  ) {
    this.#steps = new Steps(parts);
  }

  /** Goes on from wherever the store says that it is. */
  async go(): Promise<void> {
    const found = this.#current();
    if (found.state === 'approved') return this.#begin(found);
    const hold = await this.#hold();
    const told = await readJournal(this.parts.store.db, this.id);
    if (told.decision) return this.#takeBack(hold, told.decision);
    return found.state === 'running' ? this.#applyAll(hold) : this.#verify(hold);
  }

  /** A person decided, or the time for that is over. */
  async takeBack(decision: RevertDecision): Promise<void> {
    const at = this.parts.now();
    const fence = await this.parts.ledger.write([this.id], async (tx) => {
      const next = await this.parts.ledger.takeFence(tx, this.id);
      await this.parts.ledger.moveFenced(tx, this.id, next, 'needs-human', 'settling', { decideBy: null });
      await writeJournal(tx, { proposal: this.id, step: -1, kind: 'verdict', at, json: decision });
      return next;
    });
    await this.#takeBack({ id: this.id, fence, signal: this.signal }, decision);
  }

  /** Plans and prechecks again: what changed since the approval ends it. */
  async #begin(found: Proposal): Promise<void> {
    const { record } = found;
    await this.parts.shown?.(this.id);
    await this.#comparable(record);
    const problem = await this.#stillAsApproved(record);
    if (problem !== undefined) return this.#finish('approved', 'void', `Not carried out: ${problem}`);
    const { plan } = record;
    const at = this.parts.now();
    const baseline = baselineOf(plan.verify, this.parts.seen.history);
    const fence = await this.parts.ledger.write([this.id], async (tx) => {
      const next = await this.parts.ledger.takeFence(tx, this.id);
      const change = { startedAt: at, verify: openRows(plan.verify, baseline) };
      await this.parts.ledger.moveFenced(tx, this.id, next, 'approved', 'running', change);
      await writeJournal(tx, { proposal: this.id, step: -1, kind: 'baseline', at, json: baseline });
      await appendAudit(tx, {
        at,
        who: WARROOM,
        what: 'run',
        json: { proposal: this.id, fence: next, baseline },
      });
      await this.parts.publish(tx, {
        incident: record.incident,
        at,
        what: `${this.id} is carried out`,
        reply: false,
      });
      return next;
    });
    await this.#applyAll({ id: this.id, fence, signal: this.signal });
  }

  /** After a start the first figures are a few rounds away; a change made before them could not be judged. */
  async #comparable({ plan: { verify } }: ProposalRecord): Promise<void> {
    for (let waited = 0; waited < BASELINE_WAIT_MS; waited += BASELINE_STEP_MS) {
      if (comparable(verify, baselineOf(verify, this.parts.seen.history))) return;
      await this.#steps.pause(BASELINE_STEP_MS, this.signal);
    }
  }

  async #stillAsApproved(record: ProposalRecord): Promise<string | undefined> {
    if (this.parts.config().policy.off.includes(record.remediation))
      return `${record.remediation} was switched off (policy.off).`;
    const wish = { remediation: record.remediation, params: record.params };
    for (let tries = 1; ; tries++) {
      const made = await makePlan(this.parts, wish, this.id);
      if (!isRefusal(made))
        return made.planHash === record.planHash
          ? undefined
          : `what it was planned upon changed since it was approved (the plan is now ${made.planHash.slice(0, 6)}).`;
      if (tries >= REPLAN_TRIES || !made.refused.startsWith('It could not be planned')) return made.refused;
      await this.#steps.pause(REPLAN_AGAIN_MS, this.signal);
    }
  }

  async #applyAll(hold: Hold): Promise<void> {
    const { record } = this.#current();
    const told = await readJournal(this.parts.store.db, this.id);
    this.judgeAt = this.parts.now() + record.plan.verify.settleMs + record.plan.verify.windowMs;
    for (const index of record.plan.steps.keys()) {
      if (told.done.has(index)) continue;
      const off = this.parts.handsOff();
      if (off) return this.#decide(hold, revert(handsOffRefusal(off).refused));
      const lost = told.done.size > 0 ? await this.#lost(hold, record, told.done) : undefined;
      if (lost) return this.#decide(hold, lost);
      const decision = await this.#steps.apply(hold, record, index, told.intended.has(index));
      if (decision) return this.#decide(hold, this.resumed ? { ...decision, end: 'reverted' } : decision);
      if (this.#changes(record, index)) this.#noteChange(record, record.plan.title);
    }
    const at = this.parts.now();
    await this.parts.ledger.write([this.id], async (tx) => {
      await this.parts.ledger.moveFenced(tx, this.id, hold.fence, 'running', 'settling');
      await this.parts.publish(tx, {
        incident: record.incident,
        at,
        what: `${this.id} applied: ${record.plan.title}; judged in ${Math.round((record.plan.verify.settleMs + record.plan.verify.windowMs) / 1000)} s`,
        reply: true,
      });
    });
    await this.#verify(hold);
  }

  /** Steps that an earlier process applied, and that are not there any more. */
  async #lost(
    hold: Hold,
    record: ProposalRecord,
    done: ReadonlySet<number>,
  ): Promise<RevertDecision | undefined> {
    if (!this.resumed) return undefined;
    for (const index of done) {
      const step = record.plan.steps[index];
      if (!step || !this.#changes(record, index)) continue;
      const found = await this.#steps.look(hold, step);
      if (found !== 'present')
        return revert(
          `After a restart, step ${index + 1} (${step.type}) was found ${found} on ${step.target}.`,
        );
    }
    return undefined;
  }

  async #verify(hold: Hold): Promise<void> {
    const { record } = this.#current();
    const { verify } = record.plan;
    const told = await readJournal(this.parts.store.db, this.id);
    const lost = await this.#lost(hold, record, told.done);
    if (lost) return this.#decide(hold, lost);
    const settleMs = verify.settleMs + (this.resumed ? WARM_UP_MS : 0);
    this.judgeAt = this.parts.now() + settleMs + verify.windowMs;
    await this.parts.at?.('settling');
    await this.#steps.pause(settleMs, this.signal);
    const from = this.parts.now();
    await this.parts.ledger.write([], (tx) =>
      writeJournal(tx, { proposal: this.id, step: -1, kind: 'settled', at: from, json: { from } }),
    );
    await this.#steps.pause(verify.windowMs, this.signal);
    const judged = judge(verify, told.baseline, this.parts.seen.history, from, this.parts.now());
    const at = this.parts.now();
    await this.parts.ledger.write([this.id], async (tx) => {
      await this.parts.ledger.note(tx, this.id, hold.fence, () => ({ verify: judged.rows }));
      await writeJournal(tx, { proposal: this.id, step: -1, kind: 'verdict', at, json: judged });
    });
    if (judged.verdict === 'better') return this.#finish('settling', 'kept', `Better: ${judged.why}.`, hold);
    if (judged.verdict === 'not better')
      return this.#decide(hold, revert(`Not better, so it was taken back: ${judged.why}.`));
    const decideBy = at + Math.min(DECIDE_MS, this.parts.config().policy.expire);
    const minutes = Math.round((decideBy - at) / 60_000);
    await this.#finish(
      'settling',
      'needs-human',
      `Could not tell whether it helped: ${judged.why}. Approve keeps it, refuse takes it back; in ${minutes} min it is taken back by itself.`,
      hold,
      decideBy,
    );
  }

  /** The decision is in the journal before the first revert: a restart goes on with it. */
  async #decide(hold: Hold, decision: RevertDecision): Promise<void> {
    const at = this.parts.now();
    await this.parts.ledger.write([this.id], async (tx) => {
      await this.parts.ledger.note(tx, this.id, hold.fence, () => ({}));
      await writeJournal(tx, { proposal: this.id, step: -1, kind: 'verdict', at, json: decision });
    });
    await this.#takeBack(hold, decision);
  }

  async #takeBack(hold: Hold, decision: RevertDecision): Promise<void> {
    const { record, state } = this.#current();
    const told = await readJournal(this.parts.store.db, this.id);
    let reverted = 0;
    for (const index of [...record.plan.steps.keys()].reverse()) {
      if (!told.intended.has(index) || told.reverted.has(index)) continue;
      const problem = await this.#steps.revert(hold, record, index);
      if (problem !== undefined) {
        const step = record.plan.steps[index];
        return this.#finish(
          state,
          'needs-human',
          `${decision.why} Then taking step ${index + 1} (${step?.type} on ${step?.target}) back failed as well: ${problem}. By hand: ${record.plan.undo}`,
          hold,
        );
      }
      reverted += 1;
    }
    if (reverted > 0) this.#noteChange(record, 'taken back');
    const back = decision.end === 'failed' ? ' Nothing of it was applied.' : ' All of it was taken back.';
    await this.#finish(state, decision.end, `${decision.why}${back}`, hold);
  }

  async #finish(
    from: ProposalState,
    to: ProposalState,
    outcome: string,
    hold?: Hold,
    decideBy: number | null = null,
  ): Promise<void> {
    const at = this.parts.now();
    const { record } = this.#current();
    await this.parts.ledger.write([this.id], async (tx) => {
      const change = { outcome, decideBy, endedAt: at };
      if (hold) await this.parts.ledger.moveFenced(tx, this.id, hold.fence, from, to, change);
      else if (!(await this.parts.ledger.move(tx, this.id, from, to, change))) return;
      const json = { proposal: this.id, outcome };
      const hash = await appendAudit(tx, { at, who: WARROOM, what: to, json });
      const what = `${this.id} ${to}: ${outcome} · audit ${shortHash(hash)}`;
      await this.parts.publish(tx, { incident: record.incident, at, what, reply: true });
    });
  }

  /** Checks and waits change nothing. */
  #changes({ plan }: ProposalRecord, index: number): boolean {
    const step = plan.steps[index];
    return step !== undefined && stepType(this.parts.stepTypes, step).revert !== undefined;
  }

  #noteChange({ plan }: ProposalRecord, what: string): void {
    this.parts.onTargetChange?.({
      at: this.parts.now(),
      what: `${this.id} ${what}`,
      target: plan.target,
    });
  }

  #hold(): Promise<Hold> {
    return this.parts.ledger.write([this.id], async (tx) => ({
      id: this.id,
      fence: await this.parts.ledger.takeFence(tx, this.id),
      signal: this.signal,
    }));
  }

  #current(): Proposal {
    const found = this.parts.ledger.get(this.id);
    if (!found) throw new RangeError(`There is no proposal ${this.id}.`);
    return found;
  }
}
