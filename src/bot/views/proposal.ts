import { own, paragraph, say, strong, time } from '../../message/build.ts';
import type { Action, Block, Message, Text } from '../../message/contract.ts';
import { figure } from '../../message/figures.ts';
import type { ProposalJson, StepJson } from '../contract.ts';

const EFFECTS = { cure: 'Cure', relief: 'Relief', 'give-back': 'Give back', change: 'Change' } as const;
const MARKS: Readonly<Record<StepJson['state'], string>> = {
  planned: '·',
  applying: '…',
  applied: '✓',
  failed: '✗',
  reverting: '…',
  reverted: '↩',
  unknown: '?',
};

/** A proposal as a message of its own in the thread; edited as its steps are done. */
export function proposalMessage(proposal: ProposalJson): Message {
  const blocks: Block[] = [
    {
      kind: 'heading',
      text: say`${own(`${proposal.id} ${EFFECTS[proposal.effect]} · ${proposal.risk} risk · `)}${proposal.title}`,
    },
    paragraph(say`${strong('Expect:')} ${proposal.expects}`),
    { kind: 'code', language: 'sh', text: proposal.steps.map(stepLine).join('\n') },
    paragraph(say`${strong('Undo:')} ${proposal.undo}`),
  ];
  if (proposal.verify.some((goal) => goal.before !== null || goal.after !== null))
    blocks.push(verdictTable(proposal));
  if (proposal.outcome) blocks.push(paragraph(say`${strong(outcomeWord(proposal))} ${proposal.outcome}`));
  if (proposal.patch && proposal.state === 'kept')
    blocks.push({
      kind: 'code',
      language: 'vcl',
      title: `Kept until restart. For good, put this into ${proposal.patch.file}:`,
      text: proposal.patch.text,
    });
  blocks.push(paragraph(stateLine(proposal)));
  const actions = actionsOf(proposal);
  return { blocks: actions.length > 0 ? [...blocks, { kind: 'actions', actions }] : blocks };
}

function stepLine(step: StepJson): string {
  const done = step.ms === null ? '' : `  (${figure(step.ms, 'ms')})`;
  const problem = step.problem ? `\n    ${step.problem}` : '';
  return `${MARKS[step.state]} ${step.target}: ${step.command}${done}${problem}`;
}

function verdictTable(proposal: ProposalJson): Block {
  return {
    kind: 'table',
    title: 'Before and after',
    columns: [
      { name: 'figure' },
      { name: 'before' },
      { name: 'after' },
      { name: 'wanted' },
      { name: 'verdict' },
    ],
    rows: proposal.verify.map((goal) => [
      goal.name,
      figureOrDash(goal.before, goal.unit),
      figureOrDash(goal.after, goal.unit),
      figureOrDash(goal.wanted, goal.unit),
      goal.verdict ?? '-',
    ]),
  };
}

function figureOrDash(value: number | null, unit: string): string {
  return value === null ? '-' : figure(value, unit);
}

function outcomeWord(proposal: ProposalJson): string {
  const words: Partial<Record<ProposalJson['state'], string>> = {
    kept: 'Kept:',
    reverted: 'Reverted:',
    failed: 'Failed:',
    'needs-human': 'Needs a human:',
    void: 'Void:',
  };
  return words[proposal.state] ?? 'So far:';
}

function stateLine(proposal: ProposalJson): Text {
  const by = proposal.approvals.map((approval) => approval.by).join(', ');
  switch (proposal.state) {
    case 'pending':
      return say`${own(`${proposal.approvals.length} of ${proposal.needed} approvers · until `)}${time(proposal.expiresAt, false)}${own(` · plan ${proposal.planHash.slice(0, 6)}`)}`;
    case 'approved':
    case 'running':
    case 'settling':
      return say`${own(proposal.state)} · approved by ${by}${own(proposal.waits ? ` · ${proposal.waits}` : '')}`;
    default:
      return say`${own(proposal.state)}${by ? say` · approved by ${by}` : own('')}`;
  }
}

/** It was not done, or did not last: somebody may want it after all. */
export function canAskAgain(state: ProposalJson['state']): boolean {
  return ['expired', 'refused', 'void', 'reverted', 'failed'].includes(state);
}

function actionsOf(proposal: ProposalJson): Action[] {
  const { id, planHash } = proposal;
  // It could not be told whether it helped: a person says what becomes of it.
  if (proposal.state === 'needs-human' && proposal.waits !== null)
    return [
      { kind: 'approve', id, planHash, label: 'Keep it', style: 'plain' },
      { kind: 'refuse', id, planHash, label: 'Take it back', style: 'primary' },
    ];
  if (canAskAgain(proposal.state)) return [{ kind: 'ask-again', id, label: 'Ask again', style: 'plain' }];
  if (proposal.state !== 'pending') return [];
  return [
    proposal.effect === 'give-back'
      ? { kind: 'give-back', id, planHash, label: 'Give back', style: 'primary' }
      : { kind: 'approve', id, planHash, label: 'Approve', style: 'primary' },
    { kind: 'refuse', id, planHash, label: 'Refuse', style: 'plain' },
    { kind: 'show-plan', id, label: 'Show plan', style: 'plain' },
  ];
}

/** The plan whole: parameters, every step with its undo, what it is judged by. For `plan 12-A`. */
export function planMessage(proposal: ProposalJson): Message {
  const params = Object.entries(proposal.params).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const steps = proposal.steps.flatMap((step) => [
    `${step.index + 1}. ${step.target}: ${step.command}`,
    `   undo: ${step.undo ?? 'nothing to undo'}`,
  ]);
  const goals = proposal.verify.map(
    (goal) =>
      `${goal.name}: before ${figureOrDash(goal.before, goal.unit)}, wanted ${figureOrDash(goal.wanted, goal.unit)}`,
  );
  return {
    blocks: [
      { kind: 'heading', text: say`${own(`Plan of ${proposal.id} · `)}${proposal.title}` },
      paragraph(stateLine(proposal)),
      { kind: 'code', language: 'sh', title: 'Steps', text: steps.join('\n') },
      { kind: 'code', language: 'text', title: 'Parameters', text: params.join('\n') },
      ...(goals.length > 0
        ? [{ kind: 'code' as const, language: 'text' as const, title: 'Judged by', text: goals.join('\n') }]
        : []),
      ...(proposal.patch
        ? [
            {
              kind: 'code' as const,
              language: 'vcl' as const,
              title: `For good, in ${proposal.patch.file}:`,
              text: proposal.patch.text,
            },
          ]
        : []),
      paragraph(
        say`${strong('Asked for by:')} ${own(proposal.askers.length === 0 ? 'Warroom itself' : '')}${proposal.askers.join(', ')}${own(` · plan ${proposal.planHash}`)}`,
      ),
    ],
  };
}
