import type { IncidentJson, ProposalJson } from '../../src/bot/contract.ts';

/** An open critical incident #12 that nobody has. */
export function incident(other: Partial<IncidentJson> = {}): IncidentJson {
  return {
    ...{ id: '12', state: 'open', level: 'critical', title: 'Application overloaded', since: 0 },
    ...{ resolvedAt: null, owner: null, cause: null, confidence: null, waiting: [], targets: ['app'] },
    ...{ findings: [], heldBack: [], failedRequests: 0, messages: [], proposals: [], timeline: [] },
    ...other,
  };
}

/** 12-A, which waits for one approver. */
export function proposal(other: Partial<ProposalJson> = {}): ProposalJson {
  return {
    ...{ id: '12-A', incident: '12', remediation: 'cache-rule', title: 'Keep /legacy/* for a year' },
    ...{ effect: 'cure', risk: 'low', params: {}, planHash: 'a'.repeat(64), state: 'pending' },
    ...{ expiresAt: 900_000, expects: 'less', undo: 'vcl.use boot', steps: [], approvals: [], needed: 1 },
    ...{ askers: [], waits: null, verify: [], outcome: null, patch: null },
    ...other,
  };
}
