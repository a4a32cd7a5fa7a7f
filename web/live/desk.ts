import { signal } from '@preact/signals';
import type { ProposalJson } from '../../src/bot/contract.ts';
import { say } from '../../src/message/build.ts';
import type { Action, Message } from '../../src/message/contract.ts';
import { ApiProblem, get, post } from './api.ts';
import { now } from './clock.ts';
import { go, tab } from './route.ts';
import { announcement, answers } from './state.ts';

/** What a person does: commands, presses. Nothing changes on the page until the bot says that it changed. */

/** Proposals whose plan is open: only those can be approved. */
export const plansShown = signal<ReadonlySet<string>>(new Set());
/** Presses on their way, and what came of the last one. */
export const pressing = signal<ReadonlySet<string>>(new Set());
export const outcomes = signal<ReadonlyMap<string, Message>>(new Map());
/** What the command line is asked to hold (Silence needs a time and a reason). */
export const prefill = signal<{ readonly text: string } | null>(null);

let asked = 0;

export async function command(text: string): Promise<void> {
  const id = `a${++asked}`;
  const at = now.value;
  answers.value = [...answers.value.slice(-49), { id, at, asked: text, message: null }];
  const message = await post<Message>('/api/commands', { text }).catch(problem);
  answers.value = answers.value.map((one) => (one.id === id ? { ...one, message } : one));
}

/** A button's command: its answer shows beside the button, not in the channel. */
async function quietly(key: string, text: string): Promise<void> {
  const message = await post<Message>('/api/commands', { text }).catch(problem);
  outcomes.value = new Map(outcomes.value).set(key, message);
}

export async function completions(text: string): Promise<readonly string[]> {
  const answer = await get<{ completions: string[] }>(`/api/complete?text=${encodeURIComponent(text)}`);
  return answer.completions;
}

export async function press(kind: 'approve' | 'refuse', proposal: ProposalJson): Promise<void> {
  const { id, planHash } = proposal;
  if (pressing.value.has(id)) return;
  pressing.value = new Set(pressing.value).add(id);
  let pressed = false;
  const message = await post<{ message: Message }>(`/api/proposals/${encodeURIComponent(id)}/${kind}`, {
    planHash,
  })
    .then((answer) => {
      // From now on its steps tick off: the short list tells it better than the whole plan.
      pressed = true;
      return answer.message;
    })
    .catch(problem);
  // What worked shows by itself: the block changes. What did not is said beside the button.
  if (pressed) {
    showPlan(id, false);
    outcomes.value = new Map([...outcomes.value].filter(([one]) => one !== id));
    announcement.value = { text: `${kind === 'approve' ? 'Approved' : 'Refused'} ${id}`, urgent: false };
  } else outcomes.value = new Map(outcomes.value).set(id, message);
  pressing.value = new Set([...pressing.value].filter((one) => one !== id));
}

export function showPlan(id: string, shown: boolean): void {
  const plans = new Set(plansShown.value);
  if (shown) plans.add(id);
  else plans.delete(id);
  plansShown.value = plans;
}

/** Goes to a proposal, opens its plan and puts the focus where the press is; it does not press. */
export function goToApproval(proposal: ProposalJson): void {
  go(`/incident/${proposal.incident}`);
  showPlan(proposal.id, true);
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      const block = document.getElementById(`proposal-${proposal.id}`);
      const target = block?.querySelector<HTMLElement>('[data-approve-focus]');
      target?.focus({ preventScroll: true });
      block?.scrollIntoView({ block: 'start' });
    }),
  );
}

/** The buttons of a message. Approvals are pressed in the proposal's own block, where its plan is. */
export function act(action: Action, proposals: ReadonlyMap<string, ProposalJson>): void {
  const proposal = proposals.get(action.id);
  switch (action.kind) {
    case 'acknowledge':
      void quietly(`incident-${action.id}`, `ack ${action.id}`);
      return;
    case 'silence':
      tab.value = 'channel';
      prefill.value = { text: `silence ${action.id} 30m ` };
      return;
    case 'approve':
    case 'refuse':
    case 'give-back':
    case 'show-plan':
      if (proposal) goToApproval(proposal);
      return;
    case 'ask-again':
      void quietly(`incident-${action.id.split('-')[0]}`, `fix ${action.id}`);
      return;
    case 'parameters': {
      const [incident, remediation] = action.id.split('.');
      tab.value = 'channel';
      prefill.value = { text: `fix ${remediation} incident=${incident} ` };
      return;
    }
    case 'timeline':
      go(`/incident/${action.id}`);
      return;
    default:
      action.kind satisfies never;
  }
}

function problem(thrown: unknown): Message {
  if (thrown instanceof ApiProblem) {
    const { body } = thrown;
    if (typeof body === 'object' && body !== null && 'message' in body) return body.message as Message;
    return { blocks: [{ kind: 'text', text: say`${thrown.reason} ${thrown.mend}` }] };
  }
  return { blocks: [{ kind: 'text', text: say`${String(thrown)}` }] };
}
