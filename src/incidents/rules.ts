import type { Finding, Level } from '../checks/contract.ts';
import type { Stack } from '../config/stack.ts';
import type { Explanation } from '../diagnosis/contract.ts';
import type { Incident, Part } from './record.ts';

const CONNECTIVITY = 'self.connectivity';

/** A host that cannot be reached holds back everything of its own: its checks and the services on it. */
export function holdsBack(incident: Incident, finding: Finding, stack: Stack): boolean {
  return Object.values(incident.parts).some((part) => {
    return (
      part.state !== 'cleared' &&
      part.finding.check === CONNECTIVITY &&
      isSymptom(part.finding, finding, stack)
    );
  });
}

/** Parts of an incident that a host explains which cannot be reached; none when the finding is another. */
export function symptoms(incident: Incident, finding: Finding, stack: Stack): [string, Part][] {
  if (finding.check !== CONNECTIVITY || finding.subject === undefined) return [];
  return Object.entries(incident.parts).filter(
    ([, part]) => part.state !== 'cleared' && isSymptom(finding, part.finding, stack),
  );
}

/** What others say of the host itself (HAProxy: it is down), and what nobody can read any more. */
function isSymptom({ subject, target }: Finding, finding: Finding, stack: Stack): boolean {
  if (finding.check === CONNECTIVITY) return false;
  const host = subject ?? target;
  if (finding.subject === host) return true;
  return (
    finding.level === 'unknown' &&
    (finding.target === host || stack.hostsOf(finding.target, true).includes(host))
  );
}

/** Under load a probe may stay without an answer: what was sure stays sure until something speaks against it. */
export function steadied(cause: Explanation, before: readonly Explanation[]): Explanation {
  const sure = before.some(
    (one) => one.cause === cause.cause && one.target === cause.target && one.confidence === 'sure',
  );
  return sure && cause.confidence === 'likely' ? { ...cause, confidence: 'sure' } : cause;
}

/** A finding that the cause is named after stays a part of its own, so that the incident ends with it. */
export function isRoot(cause: Explanation, finding: Finding): boolean {
  return finding.target === cause.target;
}

export function sameCause(incident: Incident, cause: Explanation): boolean {
  return incident.causes[0]?.cause === cause.cause && incident.causes[0]?.target === cause.target;
}

/** What spans tiers (visitors) is connected with everything. */
export function spans(finding: Finding): boolean {
  return finding.target === 'stack';
}

/** About Warroom itself, which no visitor notices; whether a host can be reached is about the stack. */
export function isOurs(finding: Finding): boolean {
  return finding.target === 'self' && finding.check !== CONNECTIVITY;
}

export function levelOf(parts: Readonly<Record<string, Part>>): Level {
  return Object.values(parts).reduce<Level>(
    (level, part) => (part.state === 'cleared' ? level : worse(level, part.finding.level)),
    'ok',
  );
}

export function worse(a: Level, b: Level): Level {
  const order: readonly Level[] = ['ok', 'unknown', 'warn', 'critical'];
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}
