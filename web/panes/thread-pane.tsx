import type { IncidentJson, ThreadMessageJson } from '../../src/bot/contract.ts';
import { plainText } from '../../src/message/build.ts';
import type { Action, Block } from '../../src/message/contract.ts';
import { lasted } from '../../src/message/figures.ts';
import { now } from '../live/clock.ts';
import { act, outcomes } from '../live/desk.ts';
import { HeldBack, isHeldBack } from '../parts/held-back.tsx';
import { Level } from '../parts/level.tsx';
import { MessageView } from '../parts/message.tsx';
import { Foreign, Time } from '../parts/text.tsx';
import { Findings } from './findings.tsx';
import { Proposal } from './proposal.tsx';

/** A thread, top to bottom: what is and since when, visitors, why, what can be done, what was done. */
export function ThreadPane({ incident }: { readonly incident: IncidentJson }) {
  const { id, proposals } = incident;
  const head = incident.messages.find((message) => message.role === 'head')?.message.blocks ?? [];
  const actions = head.flatMap((block) => (block.kind === 'actions' ? block.actions : []));
  const byId = new Map(proposals.map((proposal) => [proposal.id, proposal]));
  const first = proposals.find((proposal) => proposal.state === 'pending');
  const answer = outcomes.value.get(`incident-${id}`);
  return (
    <article class="thread" aria-labelledby={`incident-title-${id}`} data-thread={id}>
      <header class="thread-head">
        <Since incident={incident} />
        <h2 id={`incident-title-${id}`}>
          <span class="number">#{id}</span> <Foreign text={incident.title} />
        </h2>
      </header>
      <MessageView nested message={{ blocks: head.filter(belongsBelow) }} />
      <Actions actions={actions} onAction={(action) => act(action, byId)} />
      {answer && (
        <div class="answer" role="status">
          <MessageView nested message={answer} />
        </div>
      )}
      <HeldBack held={incident.heldBack} />
      {proposals.map((proposal) => (
        <Proposal key={proposal.id} proposal={proposal} first={proposal === first} />
      ))}
      <Findings findings={incident.findings} />
      <Timeline incident={incident} />
    </article>
  );
}

function Since({ incident }: { readonly incident: IncidentJson }) {
  const { level, state, since, resolvedAt, owner } = incident;
  const words: Partial<Record<IncidentJson['state'], string>> = {
    resolved: 'RESOLVED',
    merged: 'MERGED',
    'ended-unverified': 'TRAFFIC GONE',
  };
  const word = words[state];
  return (
    <p class="since">
      <Level
        level={word === undefined ? level : state === 'ended-unverified' ? 'unknown' : 'ok'}
        {...(word ? { word } : {})}
      />
      <span class="muted">
        {resolvedAt === null ? 'since ' : ''}
        <Time at={since} />
        {resolvedAt !== null && (
          <>
            {' to '}
            <Time at={resolvedAt} />
          </>
        )}
        {`, ${lasted((resolvedAt ?? now.value) - since)}`}
      </span>
      <span class="muted owner">
        {owner ? <>{<Foreign text={owner} />} has it</> : resolvedAt === null ? 'nobody has it yet' : ''}
      </span>
    </p>
  );
}

/** The title stands above, the buttons below, and what is held back opens instead of being one long line. */
function belongsBelow(block: Block, index: number): boolean {
  if (index === 0 && block.kind === 'heading') return false;
  return block.kind !== 'actions' && !isHeldBack(block);
}

function Actions(props: {
  readonly actions: readonly Action[];
  readonly onAction: (action: Action) => void;
}) {
  if (props.actions.length === 0) return null;
  return (
    <MessageView
      nested
      message={{ blocks: [{ kind: 'actions', actions: props.actions }] }}
      onAction={props.onAction}
    />
  );
}

function Timeline({ incident }: { readonly incident: IncidentJson }) {
  const replies = incident.messages.filter((message) => isReply(message, incident));
  const told = new Set(replies.map((reply) => firstWords(reply)));
  const entries = [
    // A reply is told from the timeline's own line: one of the two is enough.
    ...incident.timeline
      .filter((entry) => ![...told].some((words) => words.startsWith(entry.what)))
      .map((entry) => ({
        at: entry.at,
        content: (
          <p>
            <Foreign text={entry.what} />
            {entry.by && (
              <span class="muted">
                {' '}
                <Foreign text={entry.by} />
              </span>
            )}
          </p>
        ),
      })),
    ...replies.map((reply) => ({ at: reply.at, content: <MessageView nested message={reply.message} /> })),
  ].sort((a, b) => a.at - b.at);
  return (
    <section class="timeline" aria-labelledby="timeline-title">
      <h3 id="timeline-title" class="label">
        Timeline
      </h3>
      <ol>
        {entries.map((entry, i) => (
          <li key={i}>
            <span class="muted small">
              <Time at={entry.at} />
            </span>
            {entry.content}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Messages of proposals are shown as blocks of their own, which know more. */
function isReply(message: ThreadMessageJson, incident: IncidentJson): boolean {
  return message.role === 'reply' && !incident.proposals.some((proposal) => message.id === `p${proposal.id}`);
}

function firstWords({ message }: ThreadMessageJson): string {
  const block = message.blocks.find((one) => one.kind === 'text');
  return block?.kind === 'text' ? plainText(block.text) : '';
}
