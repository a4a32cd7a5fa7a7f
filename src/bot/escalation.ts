import type { Config } from '../config/schema.ts';
import { lasted } from '../message/figures.ts';
import type { IncidentJson } from './contract.ts';

/** Something that nobody answered, and whom the config wants told. */
export interface Escalated {
  /** Once told under this key it is not told again. */
  readonly key: string;
  readonly incident: number;
  readonly what: string;
  /** A name of the config or an `@group` of it; only where the incident is critical. */
  readonly mention?: string;
  /** Which step of `escalate`, when it names a webhook. */
  readonly webhook?: number;
}

/** A reminder comes when this part of its time is left, but not earlier than 5 min before the end. */
const REMIND_SHARE = 0.25;
const REMIND_MS = 5 * 60_000;

/** What is due now: unacknowledged criticals and waiting proposals by the steps of the config, and reminders. Pure. */
export function dueEscalations(
  incidents: readonly IncidentJson[],
  config: Pick<Config, 'escalate' | 'policy'>,
  now: number,
  told: ReadonlySet<string>,
): Escalated[] {
  const open = incidents.filter((incident) => incident.resolvedAt === null);
  return open
    .flatMap((incident) => [
      ...unacknowledged(incident, config.escalate, now),
      ...waiting(incident, config.escalate, now, config.policy.expire),
      ...reminders(incident, now, config.policy.expire),
    ])
    .filter(({ key }) => !told.has(key));
}

function unacknowledged(incident: IncidentJson, steps: Config['escalate'], now: number): Escalated[] {
  if (incident.level !== 'critical' || incident.state !== 'open' || incident.owner !== null) return [];
  const age = now - incident.since;
  return steps.flatMap((step, index) =>
    age < step.after
      ? []
      : [
          {
            key: `untaken:${incident.id}:${index}`,
            incident: Number(incident.id),
            what: `#${incident.id} is critical for ${lasted(age)} and nobody has it: press Acknowledge.`,
            ...toldBy(step, index, true),
          },
        ],
  );
}

function waiting(
  incident: IncidentJson,
  steps: Config['escalate'],
  now: number,
  expireMs: number,
): Escalated[] {
  const pending = incident.proposals.filter((proposal) => proposal.state === 'pending');
  return pending.flatMap((proposal) => {
    const age = now - (proposal.expiresAt - expireMs);
    return steps.flatMap((step, index) =>
      age < step.after
        ? []
        : [
            {
              key: `waits:${proposal.id}:${index}`,
              incident: Number(incident.id),
              what: `${proposal.id} waits for an approver for ${lasted(age)}: ${proposal.title}.`,
              ...toldBy(step, index, incident.level === 'critical'),
            },
          ],
    );
  });
}

function reminders(incident: IncidentJson, now: number, expireMs: number): Escalated[] {
  const before = Math.min(REMIND_MS, expireMs * REMIND_SHARE);
  return incident.proposals
    .filter(({ state, expiresAt }) => state === 'pending' && now >= expiresAt - before && now < expiresAt)
    .map((proposal) => ({
      key: `expires:${proposal.id}`,
      incident: Number(incident.id),
      what: `${proposal.id} expires in ${lasted(proposal.expiresAt - now)}: ${proposal.approvals.length} of ${proposal.needed} approvers so far. Afterwards it can be asked for again.`,
    }));
}

function toldBy(
  step: Config['escalate'][number],
  index: number,
  critical: boolean,
): Pick<Escalated, 'mention' | 'webhook'> {
  return {
    ...(step.mention !== undefined && critical ? { mention: step.mention } : {}),
    ...(step.webhook !== undefined ? { webhook: index } : {}),
  };
}
