import type { ProposalState } from './contract.ts';

/**
 * What each state may become.
 *
 * pending      waits for approvals. Left by the last approval, a refusal, its end, or a plan that changed.
 * approved     waits for the lock and for its second precheck. A person may still refuse it.
 * running      steps are applied, or taken back.
 * settling     applied: settles, is verified, or is taken back.
 * needs-human  could not tell, or taking back failed. Could not tell: a person keeps it, or it is taken back.
 * The rest are ends.
 */
export const TRANSITIONS: Readonly<Record<ProposalState, readonly ProposalState[]>> = {
  pending: ['approved', 'refused', 'expired', 'void'],
  approved: ['running', 'refused', 'expired', 'void'],
  running: ['settling', 'reverted', 'failed', 'needs-human'],
  settling: ['kept', 'reverted', 'failed', 'needs-human'],
  'needs-human': ['kept', 'settling'],
  kept: [],
  reverted: [],
  failed: [],
  refused: [],
  expired: [],
  void: [],
};

export const STATES = Object.keys(TRANSITIONS) as ProposalState[];
/** Those that hold the lock of their part of the stack. */
export const ACTIVE: readonly ProposalState[] = ['running', 'settling'];

export function mayBecome(from: ProposalState, to: ProposalState): boolean {
  return TRANSITIONS[from].includes(to);
}

export function hasEnded(state: ProposalState): boolean {
  return TRANSITIONS[state].length === 0;
}
