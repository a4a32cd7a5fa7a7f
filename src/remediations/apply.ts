import { reason, sentence, WarroomError } from '../errors/catalogue.ts';
import { appendAudit } from '../store/audit.ts';
import type { AnyStepType, Look, Step, StepContext } from './contract.ts';
import { within } from './deadline.ts';
import { type RevertDecision, writeJournal } from './journal.ts';
import { type Parts, WARROOM } from './parts.ts';
import { PLANNED, type ProposalRecord, type StepProgress, stepType } from './record.ts';

/** A run's hold on a proposal: its number, and the end of the process. */
export interface Hold {
  readonly id: string;
  readonly fence: number;
  readonly signal: AbortSignal;
}

const LOOK_MS = 10_000;
const LOOK_TRIES = 3;
const REVERT_TRIES = 3;
const AGAIN_MS = 1_000;

/** Applying and taking back single steps, each with its journal. */
export class Steps {
  constructor(private readonly parts: Parts) {}

  /**
   * Intent, apply, look, outcome. Undefined when it is applied; else the decision to take back what is there. A step
   * that was only begun by an earlier process is looked at first: what is there already is not applied again.
   */
  async apply(
    hold: Hold,
    record: ProposalRecord,
    index: number,
    begun: boolean,
  ): Promise<RevertDecision | undefined> {
    const step = record.plan.steps[index] as Step;
    const type = stepType(this.parts.stepTypes, step);
    const started = this.parts.now();
    if (begun) {
      const found = await this.look(hold, step);
      if (found === 'present') {
        await this.#outcome(hold, index, { ms: null, note: 'found applied after a restart' });
        return undefined;
      }
      if (found !== 'absent')
        return revert(
          `After a restart, step ${index + 1} (${step.type}) was found ${found} on ${step.target}.`,
        );
    } else await this.#intent(hold, record, index);
    await this.parts.at?.(`intent:${index}`);
    const problem = await this.#try(hold, type, step, index);
    await this.parts.at?.(`applied:${index}`);
    const ms = this.parts.now() - started;
    if (problem === undefined) {
      await this.#outcome(hold, index, { ms });
      return undefined;
    }
    await this.#outcome(hold, index, { ms, problem });
    const text = sentence('STEP_FAILED', { step: index + 1, id: hold.id, target: step.target, problem });
    const nothing = index === 0 && (await this.look(hold, step)) === 'absent' && !begun;
    return revert(text, nothing ? 'failed' : 'reverted');
  }

  /** Looks, some times when the target does not answer; a look that fails is `unknown`. */
  async look(hold: Hold, step: Step): Promise<Look> {
    const type = stepType(this.parts.stepTypes, step);
    for (let tries = 1; ; tries++) {
      try {
        return await within(hold.signal, LOOK_MS, `a look at ${step.target}`, (signal) =>
          type.look(type.args.parse(step.args), this.#context(step, signal)),
        );
      } catch (thrown) {
        hold.signal.throwIfAborted();
        this.parts.log.warn({ err: thrown, proposal: hold.id, step: step.type }, 'a look at a step failed');
        if (tries >= LOOK_TRIES) return 'unknown';
        await this.pause(AGAIN_MS, hold.signal);
      }
    }
  }

  /** Takes one step back; gives the problem when it could not. Repeated until nothing of the step is left to see. */
  async revert(hold: Hold, record: ProposalRecord, index: number): Promise<string | undefined> {
    const step = record.plan.steps[index] as Step;
    const type = stepType(this.parts.stepTypes, step);
    if (!type.revert) return undefined;
    await this.#note(hold, index, { state: 'reverting', at: this.parts.now() }, 'revert-intent', null);
    await this.parts.at?.(`reverting:${index}`);
    let problem = await this.#tryRevert(hold, type, step);
    for (let tries = 1; problem !== undefined && tries < REVERT_TRIES; tries++) {
      await this.pause(AGAIN_MS, hold.signal);
      problem = await this.#tryRevert(hold, type, step);
    }
    await this.parts.at?.(`reverted:${index}`);
    await this.#note(
      hold,
      index,
      problem === undefined ? { state: 'reverted', problem: null } : { state: 'unknown', problem },
      'revert-outcome',
      problem === undefined ? {} : { problem },
    );
    return problem;
  }

  pause(ms: number, signal: AbortSignal): Promise<void> {
    return (this.parts.sleep ?? sleep)(ms, signal);
  }

  async #try(hold: Hold, type: AnyStepType, step: Step, index: number): Promise<string | undefined> {
    try {
      await within(hold.signal, type.timeoutMs, `${step.type} on ${step.target}`, async (signal) => {
        const applying = type.apply(type.args.parse(step.args), this.#context(step, signal));
        await this.parts.at?.(`applying:${index}`);
        await applying;
      });
    } catch (thrown) {
      hold.signal.throwIfAborted();
      // A late answer is no failure when the change is there; a text answer is no success when it is not.
      if (isLate(thrown) && (await this.look(hold, step)) === 'present') return undefined;
      return reason(thrown);
    }
    const found = await this.look(hold, step);
    return found === 'present' ? undefined : `it was carried out, but a look finds it ${found}`;
  }

  async #tryRevert(hold: Hold, type: AnyStepType, step: Step): Promise<string | undefined> {
    try {
      await within(
        hold.signal,
        type.timeoutMs,
        `taking ${step.type} back on ${step.target}`,
        async (signal) => type.revert?.(type.args.parse(step.args), this.#context(step, signal)),
      );
    } catch (thrown) {
      hold.signal.throwIfAborted();
      return reason(thrown);
    }
    const found = await this.look(hold, step);
    return found === 'absent' ? undefined : `it was taken back, but a look finds it ${found}`;
  }

  #context(step: Step, signal: AbortSignal): StepContext {
    return { targets: this.parts.targets, stack: this.parts.stack, host: step.target, signal };
  }

  async #intent(hold: Hold, record: ProposalRecord, index: number): Promise<void> {
    const step = record.plan.steps[index] as Step;
    await this.#note(hold, index, { state: 'applying', at: this.parts.now() }, 'intent', step);
  }

  async #outcome(
    hold: Hold,
    index: number,
    outcome: { ms: number | null; problem?: string; note?: string },
  ): Promise<void> {
    const state = outcome.problem === undefined ? 'applied' : 'failed';
    const change = { state, ms: outcome.ms, problem: outcome.problem ?? null } as const;
    await this.#note(hold, index, change, 'outcome', outcome);
  }

  /** One journal row, the step's progress and the edit of its message, all with the fence. */
  async #note(
    hold: Hold,
    index: number,
    change: Partial<StepProgress>,
    kind: Parameters<typeof writeJournal>[1]['kind'],
    json: unknown,
  ): Promise<void> {
    const at = this.parts.now();
    await this.parts.ledger.write([hold.id], async (tx) => {
      const record = await this.parts.ledger.note(tx, hold.id, hold.fence, (before) => ({
        steps: before.plan.steps.map((_, one) => ({
          ...(before.steps[one] ?? PLANNED),
          ...(one === index ? change : {}),
        })),
      }));
      await writeJournal(tx, { proposal: hold.id, step: index, kind, at, json });
      await appendAudit(tx, {
        at,
        who: WARROOM,
        what: kind,
        json: { proposal: hold.id, step: index, ...asObject(json) },
      });
      await this.parts.publish(tx, { incident: record.incident, at, what: '', reply: false });
    });
  }
}

export function revert(why: string, end: RevertDecision['end'] = 'reverted'): RevertDecision {
  return { decision: 'revert', why, end };
}

function asObject(json: unknown): object {
  return typeof json === 'object' && json !== null ? json : {};
}

function isLate(thrown: unknown): boolean {
  if (thrown instanceof WarroomError)
    return (
      thrown.code === 'TARGET_DEADLINE' ||
      thrown.code === 'TARGET_UNREACHABLE' ||
      thrown.code === 'BAD_ANSWER'
    );
  return (
    thrown instanceof Error &&
    (thrown.name === 'TimeoutError' || thrown.message.includes('was not done within'))
  );
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
