import type { StepJson } from '../../src/bot/contract.ts';
import { figure } from '../../src/message/figures.ts';
import { clock } from '../live/clock.ts';
import { Code } from '../parts/code.tsx';
import { Foreign } from '../parts/text.tsx';
import { visible } from '../parts/visible.ts';

const MARKS = {
  planned: '·',
  applying: '…',
  applied: '✓',
  failed: '✗',
  reverting: '…',
  reverted: '↩',
  unknown: '?',
} as const satisfies Record<StepJson['state'], string>;

/** The steps of a plan: what runs where. Whole with `full`; else the first line of each, ticking off with times. */
export function Steps({ steps, full }: { readonly steps: readonly StepJson[]; readonly full: boolean }) {
  return (
    <ol class="steps">
      {steps.map((step) => (
        <li key={step.index} class={step.state}>
          <span class="mark" aria-hidden="true">
            {MARKS[step.state]}
          </span>
          <span class="hidden">{step.state}</span>
          <span class="target strong">{step.target}</span>
          {full ? <Whole step={step} /> : <code class="line">{visible(firstLine(step.command))}</code>}
          <span class="took muted small">
            {step.at === null ? '' : clock(step.at)}
            {step.ms === null ? '' : ` · ${figure(step.ms, 'ms')}`}
          </span>
          {step.problem && (
            <p class="problem">
              <Foreign text={step.problem} />
            </p>
          )}
        </li>
      ))}
    </ol>
  );
}

function Whole({ step }: { readonly step: StepJson }) {
  return (
    <div class="whole">
      <Code text={step.command} title={step.type} />
      <p class="small">
        <span class="muted">Undo</span>{' '}
        {step.undo === null ? 'nothing to undo' : <code>{visible(step.undo)}</code>}
      </p>
    </div>
  );
}

function firstLine(command: string): string {
  const [first = '', ...rest] = command.split('\n');
  return rest.length > 0 ? `${first} … ${rest.length} more lines` : first;
}
