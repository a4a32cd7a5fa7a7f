import type { Incident } from '../../incidents/record.ts';
import { isOpen, targetsOfIncident } from '../../incidents/record.ts';
import type { IncidentJson, IncidentSummary, ProposalJson } from '../contract.ts';
import type { Threads } from '../threads.ts';
import { titleOfIncident } from '../views/head.ts';

export function incidentSummary(incident: Incident, proposals: readonly ProposalJson[]): IncidentSummary {
  const cause = incident.causes[0];
  return {
    id: String(incident.id),
    state: incident.state,
    level: incident.level,
    title: titleOfIncident(incident),
    since: incident.openedAt,
    resolvedAt: isOpen(incident) ? null : (incident.resolvedAt ?? incident.updatedAt),
    owner: incident.owner,
    cause: cause?.cause ?? null,
    confidence: cause?.confidence ?? null,
    waiting: proposals.filter((proposal) => proposal.state === 'pending').map((proposal) => proposal.id),
  };
}

export function incidentJson(
  incident: Incident,
  proposals: readonly ProposalJson[],
  threads: Threads,
): IncidentJson {
  const parts = Object.entries(incident.parts);
  return {
    ...incidentSummary(incident, proposals),
    targets: targetsOfIncident(incident),
    findings: parts.filter(([, part]) => part.state !== 'held').map(([, part]) => part.finding),
    heldBack: parts.filter(([, part]) => part.state === 'held').map(([id]) => id),
    failedRequests: Math.round(incident.failedRequests),
    messages: threads.messages(incident.id),
    proposals,
    timeline: threads.timeline(incident.id),
  };
}
