import type { Config } from '../config/schema.ts';
import type {
  AnyStepType,
  Plan,
  ProposalJson,
  ProposalState,
  Risk,
  Step,
  StepJson,
  VerifyJson,
} from './contract.ts';

export type StepProgress = Pick<StepJson, 'state' | 'at' | 'ms' | 'problem'>;

/** A proposal as it is stored; its state and fence are columns of their own, which races are decided by. */
export interface ProposalRecord {
  readonly id: string;
  readonly incident: number;
  readonly remediation: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Equal for proposals that are the same one. */
  readonly same: string;
  readonly askers: readonly string[];
  readonly plan: Plan;
  readonly planHash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly approvedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** In `needs-human`: until when a person may keep it; then it is taken back. Null when nothing is left to decide. */
  readonly decideBy: number | null;
  readonly steps: readonly StepProgress[];
  readonly verify: readonly VerifyJson[];
  readonly outcome: string | null;
}

export interface Proposal {
  readonly record: ProposalRecord;
  readonly state: ProposalState;
  readonly fence: number;
  readonly approvals: readonly { readonly by: string; readonly at: number }[];
}

export const PLANNED: StepProgress = { state: 'planned', at: null, ms: null, problem: null };

export function approvalsNeeded(risk: Risk, policy: Config['policy']): number {
  return risk === 'high' ? Math.max(policy.approvals, policy.highRisk.approvals) : policy.approvals;
}

/** 0 -> A, 25 -> Z, 26 -> AA. */
export function letters(index: number): string {
  const rest = Math.floor(index / 26);
  return `${rest > 0 ? letters(rest - 1) : ''}${String.fromCharCode(65 + (index % 26))}`;
}

export function stepType(types: readonly AnyStepType[], step: Step): AnyStepType {
  const found = types.find((type) => type.type === step.type && type.version === step.version);
  if (!found) throw new TypeError(`There is no step type ${step.type} of version ${step.version}.`);
  return found;
}

export function describeStep(types: readonly AnyStepType[], step: Step) {
  const type = stepType(types, step);
  return type.describe(type.args.parse(step.args));
}

export function toJson(
  proposal: Proposal,
  types: readonly AnyStepType[],
  config: Config,
  waits: string | null,
): ProposalJson {
  const { record, state, approvals } = proposal;
  const { plan } = record;
  return {
    id: record.id,
    incident: String(record.incident),
    remediation: record.remediation,
    title: plan.title,
    effect: plan.effect,
    risk: plan.risk,
    params: record.params,
    planHash: record.planHash,
    state,
    expiresAt: record.expiresAt,
    expects: plan.expects,
    undo: plan.undo,
    steps: plan.steps.map((step, index) => ({
      index,
      type: step.type,
      target: step.target,
      ...describeStep(types, step),
      ...(record.steps[index] ?? PLANNED),
    })),
    approvals,
    needed: approvalsNeeded(plan.risk, config.policy),
    askers: record.askers,
    waits,
    verify: record.verify,
    outcome: record.outcome,
    patch: plan.patch ?? null,
  };
}
