import type { Finding, Level } from '../checks/contract.ts';
import type { Explanation } from '../diagnosis/contract.ts';

export type IncidentState =
  | 'open'
  | 'acknowledged'
  | 'mitigating'
  | 'resolved'
  | 'ended-unverified'
  | 'merged';
export const ENDED: readonly IncidentState[] = ['resolved', 'ended-unverified', 'merged'];

/** After opening, how long the thread says that the cause is being looked for. */
export const LOOKING_MS = 20_000;

/** A finding's part in an incident. */
export interface Part {
  readonly finding: Finding;
  readonly since: number;
  /** bad now; clearing = good samples came, not yet enough; cleared = 3 good ones; held = explained by what the incident is about. */
  readonly state: 'bad' | 'cleared' | 'held';
}

/** One incident, whole: what is stored as one JSON row. */
export interface Incident {
  readonly id: number;
  readonly state: IncidentState;
  readonly level: Level;
  readonly openedAt: number;
  readonly updatedAt: number;
  readonly resolvedAt: number | null;
  readonly owner: string | null;
  readonly mergedInto: number | null;
  /** identity -> part */
  readonly parts: Readonly<Record<string, Part>>;
  /** Best first; empty until the cause is known. */
  readonly causes: readonly Explanation[];
  /** Causes were looked for at least once since the last change of parts. */
  readonly diagnosedAt: number | null;
  readonly failedRequests: number;
  readonly visitorRequests: number;
  /** p95 in seconds when it was worst, for the head after it is resolved. */
  readonly worstP95: number | null;
  readonly thinSince: number | null;
}

/** Targets of all bad parts and of the best cause. */
export function targetsOfIncident(incident: Incident): string[] {
  return [
    ...new Set([
      ...incident.causes.slice(0, 1).map((cause) => cause.target),
      ...Object.values(incident.parts).map((part) => part.finding.target),
    ]),
  ];
}

export function isOpen(incident: Incident): boolean {
  return !ENDED.includes(incident.state);
}

/** `covers` names an identity whole, or `check@target` for all its subjects. */
export function covers(explanation: Pick<Explanation, 'covers'>, identity: string): boolean {
  const whole = identity.split('/')[0] as string;
  return explanation.covers.some((covered) => covered === identity || covered === whole);
}
