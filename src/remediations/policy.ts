import type { Config } from '../config/schema.ts';
import { sentence } from '../errors/catalogue.ts';
import type { AnyRemediation, Refusal } from './contract.ts';
import { approvalsNeeded, type Proposal } from './record.ts';

export interface HandsOff {
  readonly since: number;
  readonly by: string;
}

export interface PolicyInput {
  readonly remediation: AnyRemediation;
  readonly config: Config;
  readonly handsOff: HandsOff | null;
  readonly proposals: readonly Proposal[];
  readonly now: number;
}

export function handsOffRefusal(handsOff: HandsOff): Refusal {
  return {
    refused: sentence('HANDS_OFF', { since: new Date(handsOff.since).toISOString(), by: handsOff.by }),
    mend: 'An approver switches it off:  hands-off off',
  };
}

/** Rules that do not depend on parameters; most important first. */
export function generalRules({ remediation, config, handsOff }: PolicyInput): Refusal[] {
  return [
    ...(config.policy.off.includes(remediation.id)
      ? [{ refused: `${remediation.id} is switched off.`, mend: 'Take it out of policy.off in the config.' }]
      : []),
    ...(handsOff ? [handsOffRefusal(handsOff)] : []),
  ];
}

/** A policy that nobody can satisfy. It does not keep a proposal from being shown. */
export function approverRules({ remediation, config }: PolicyInput): Refusal[] {
  const able = Object.values(config.people).filter((person) => person.may.includes('approve')).length;
  const needed = approvalsNeeded(remediation.risk, config.policy);
  return [
    ...(Object.keys(config.people).length > 0 && able < needed
      ? [
          {
            refused: `It needs ${needed} approver${needed === 1 ? '' : 's'}, and ${able} of the people in the config may approve.`,
            mend: 'Give people the right in the config:  people: { name: { may: [see, operate, approve] } }',
          },
        ]
      : []),
  ];
}

/** Whether one more run of the same thing is allowed now: none after it failed, and not more than its budget on one target. */
export function runRules(
  input: PolicyInput,
  target: string | undefined,
  same: string | undefined,
): Refusal[] {
  const { remediation, proposals, now } = input;
  const ours = proposals.filter((one) => one.record.remediation === remediation.id);
  const blocking = ours.find(
    (one) =>
      (one.state === 'reverted' || one.state === 'failed') &&
      (same === undefined || one.record.same === same) &&
      now - (one.record.endedAt ?? 0) < remediation.blockMs,
  );
  const runs = ours.filter(
    (one) =>
      one.record.startedAt !== null &&
      (target === undefined || one.record.plan.target === target) &&
      now - one.record.startedAt < remediation.budget.perMs,
  );
  return [
    ...(blocking
      ? [
          {
            refused: `${blocking.record.id} did the same and was ${blocking.state === 'failed' ? 'not carried out: it failed' : 'taken back'}; it is not tried again for ${minutes(remediation.blockMs - (now - (blocking.record.endedAt ?? 0)))}.`,
          },
        ]
      : []),
    ...(runs.length >= remediation.budget.runs
      ? [
          {
            refused: `${remediation.id} ran ${runs.length} times in the last ${minutes(remediation.budget.perMs)}${target === undefined ? '' : ` on ${target}`}, which is its budget.`,
          },
        ]
      : []),
  ];
}

export function minutes(ms: number): string {
  return ms < 90_000 ? `${Math.max(0, Math.ceil(ms / 1000))} s` : `${Math.ceil(ms / 60_000)} min`;
}
