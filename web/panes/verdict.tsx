import type { ProposalJson } from '../../src/bot/contract.ts';
import { figure } from '../../src/message/figures.ts';
import { Foreign } from '../parts/text.tsx';

/** What the change is judged by: before and after side by side; before it ran, what it must reach. */
export function Verdict({ proposal }: { readonly proposal: ProposalJson }) {
  const { verify } = proposal;
  if (verify.length === 0) return null;
  if (proposal.state === 'pending')
    return (
      <p class="pair">
        <span class="term">Judged by</span>
        {verify
          .map(
            (goal) =>
              `${goal.name}${goal.wanted === null ? '' : ` to ${figure(goal.wanted, goal.unit)} or better`}${goal.before === null ? '' : ` (now ${figure(goal.before, goal.unit)})`}`,
          )
          .join(', ')}
      </p>
    );
  return (
    <table class="verdict">
      <caption class="hidden">Before and after {proposal.id}</caption>
      <thead>
        <tr>
          <th scope="col">Judged by</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
          <th scope="col">Wanted</th>
          <th scope="col">Verdict</th>
        </tr>
      </thead>
      <tbody>
        {verify.map((goal) => (
          <tr key={goal.name}>
            <th scope="row">{goal.name}</th>
            <td class="before">{goal.before === null ? '–' : figure(goal.before, goal.unit)}</td>
            <td class={goal.after === null ? 'after awaited' : 'after'}>
              {goal.after === null ? '…' : figure(goal.after, goal.unit)}
            </td>
            <td>{goal.wanted === null ? '–' : figure(goal.wanted, goal.unit)}</td>
            <td class="strong">
              {goal.verdict === null ? 'not judged yet' : <Foreign text={goal.verdict} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
