import { useState } from 'preact/hooks';
import type { ProposalJson } from '../../src/bot/contract.ts';
import { clock } from '../live/clock.ts';
import { outcomes, plansShown, press, pressing, showPlan } from '../live/desk.ts';
import { mayApprove, me } from '../live/state.ts';
import { Code } from '../parts/code.tsx';
import { MessageView } from '../parts/message.tsx';
import { Foreign } from '../parts/text.tsx';
import { Steps } from './steps.tsx';
import { Verdict } from './verdict.tsx';

const EFFECTS = { cure: 'Cure', relief: 'Relief', 'give-back': 'Give back', change: 'Change' } as const;

/** A proposal: what, risk, what to expect, the exact commands, the undo; then its steps and its verdict. */
export function Proposal({ proposal, first }: { readonly proposal: ProposalJson; readonly first: boolean }) {
  const { id, state } = proposal;
  const shown = plansShown.value.has(id);
  const outcome = outcomes.value.get(id);
  // What was never done is kept short: its plan still opens.
  const whole = shown || !['refused', 'expired', 'void'].includes(state);
  return (
    <section id={`proposal-${id}`} class={`proposal ${state}`} aria-labelledby={`title-${id}`}>
      <header>
        <p class="small kind">
          <span class="mono">{id}</span> {EFFECTS[proposal.effect]} · {proposal.risk} risk
          {state !== 'pending' && <span class="state"> · {state}</span>}
        </p>
        <h3 id={`title-${id}`}>
          <Foreign text={proposal.title} />
        </h3>
      </header>
      {whole && <Pair term="Expect" text={proposal.expects} />}
      {whole && <Steps steps={proposal.steps} full={shown} />}
      {shown && <Parameters proposal={proposal} />}
      {whole && <Pair term="Undo" text={proposal.undo} />}
      {whole && <Verdict proposal={proposal} />}
      {proposal.outcome && <Pair term={outcomeWord(proposal)} text={proposal.outcome} strong />}
      {proposal.patch && state === 'kept' && (
        <Code
          title={`Kept until restart. For good, put this into ${proposal.patch.file}`}
          text={proposal.patch.text}
        />
      )}
      <StateLine proposal={proposal} />
      {outcome && (
        <div class="answer" role="status">
          <MessageView nested message={outcome} />
        </div>
      )}
      {state === 'pending' ? (
        <Press proposal={proposal} shown={shown} first={first} />
      ) : (
        <div class="actions">
          <button type="button" class="small" aria-expanded={shown} onClick={() => showPlan(id, !shown)}>
            {shown ? 'Hide plan' : 'Show plan'}
          </button>
        </div>
      )}
    </section>
  );
}

function Pair({
  term,
  text,
  strong,
}: {
  readonly term: string;
  readonly text: string;
  readonly strong?: boolean;
}) {
  return (
    <p class={strong ? 'pair strong' : 'pair'}>
      <span class="term">{term}</span>
      <Foreign text={text} />
    </p>
  );
}

function Press({
  proposal,
  shown,
  first,
}: {
  readonly proposal: ProposalJson;
  readonly shown: boolean;
  readonly first: boolean;
}) {
  const [typed, setTyped] = useState('');
  const { id, incident, risk } = proposal;
  const named = risk !== 'high' || typed.trim().replace(/^#/, '') === incident;
  const ready = shown && named && !pressing.value.has(id);
  return (
    <form
      class={shown ? 'press shown' : 'press'}
      onSubmit={(event) => {
        event.preventDefault();
        if (!shown) showPlan(id, true);
        else if (ready) void press('approve', proposal);
      }}
    >
      {shown && risk === 'high' && (
        <label class="confirm">
          High risk: type the incident's number, {incident}, to approve
          <input
            inputMode="numeric"
            autocomplete="off"
            size={6}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
            {...(named ? {} : { 'data-approve-focus': true })}
          />
        </label>
      )}
      <div class="actions">
        <button
          type="submit"
          class={ready && (first || shown) ? 'filled approve' : 'approve'}
          aria-disabled={!ready}
          aria-describedby={`hint-${id}`}
          data-approve={id}
          {...(named ? { 'data-approve-focus': true } : {})}
        >
          {pressing.value.has(id) ? 'Asking the bot' : `Approve ${id}`}
        </button>
        <button type="button" onClick={() => void press('refuse', proposal)}>
          Refuse
        </button>
        <button
          type="button"
          class={first && !shown ? 'filled plan' : 'plan'}
          aria-expanded={shown}
          data-plan={id}
          onClick={() => showPlan(id, !shown)}
        >
          {shown ? 'Hide plan' : 'Show plan'}
        </button>
        <span id={`hint-${id}`} class="muted small">
          {hint(shown, named)}
        </span>
      </div>
    </form>
  );
}

function hint(shown: boolean, named: boolean): string {
  if (!mayApprove.value) return `You may ${me.value?.rights.join(', ') || 'nothing'}: an approver presses.`;
  if (!shown) return 'Approve can be pressed once the plan is shown.';
  return named ? '' : 'Type the number first.';
}

function StateLine({ proposal }: { readonly proposal: ProposalJson }) {
  const { state, approvals, needed, expiresAt, planHash, waits } = proposal;
  const by = approvals.map((one) => `${one.by} ${clock(one.at)}`).join(', ');
  return (
    <p class="muted small state-line">
      {state === 'pending' &&
        `${approvals.length} of ${needed} ${needed === 1 ? 'approver' : 'approvers'}, until ${clock(expiresAt, false)} · plan `}
      {state === 'pending' && <span class="mono">{planHash.slice(0, 6)}</span>}
      {state !== 'pending' && (by ? `Approved by ${by}` : '')}
      {waits && <span class="waits">{`${by ? ' · ' : ''}${waits}`}</span>}
    </p>
  );
}

function Parameters({ proposal }: { readonly proposal: ProposalJson }) {
  return (
    <dl class="fields parameters">
      {Object.entries(proposal.params).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Foreign text={typeof value === 'string' ? value : JSON.stringify(value)} />
          </dd>
        </div>
      ))}
      <div>
        <dt>plan</dt>
        <dd class="mono foreign">{proposal.planHash}</dd>
      </div>
    </dl>
  );
}

function outcomeWord({ state }: ProposalJson): string {
  const words: Partial<Record<ProposalJson['state'], string>> = {
    kept: 'Kept',
    reverted: 'Reverted',
    failed: 'Failed',
    'needs-human': 'Needs a human',
    refused: 'Refused',
    expired: 'Expired',
    void: 'Void',
  };
  return words[state] ?? 'So far';
}
