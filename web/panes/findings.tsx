import { type Evidence, type Finding, identity } from '../../src/checks/contract.ts';
import { own, say } from '../../src/message/build.ts';
import type { Block } from '../../src/message/contract.ts';
import { figure } from '../../src/message/figures.ts';
import { Level } from '../parts/level.tsx';
import { MessageView } from '../parts/message.tsx';
import { Foreign } from '../parts/text.tsx';

/** What the checks saw, each with its evidence folded away. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <section class="findings">
      <h3 class="label">Findings</h3>
      {findings.map((finding) => (
        <div key={identity(finding)} class="finding">
          <p>
            <Level level={finding.level} /> <Foreign text={finding.summary} />
          </p>
          <p class="muted small">
            <span class="mono">
              <Foreign text={identity(finding)} />
            </span>
            {finding.basis === 'thin' ? ' · too little traffic to count' : ''}
          </p>
          {finding.advice && (
            <p class="small">
              <span class="term">Advice</span> <Foreign text={finding.advice} />
            </p>
          )}
          {finding.evidence.length > 0 && (
            <details>
              <summary class="small">Evidence</summary>
              <MessageView nested message={{ blocks: finding.evidence.map(blockOf) }} />
            </details>
          )}
        </div>
      ))}
    </section>
  );
}

function blockOf(evidence: Evidence): Block {
  switch (evidence.kind) {
    case 'figures':
      return {
        kind: 'fields',
        rows: evidence.rows.map((row) => ({
          name: say`${row.name}`,
          value: [
            own(figure(row.value, row.unit)),
            own(row.limit === undefined ? '' : ` (limit ${figure(row.limit, row.unit)})`),
          ],
        })),
      };
    case 'table':
      return evidence;
    case 'note':
      return { kind: 'text', text: say`${evidence.text}` };
    default:
      return evidence satisfies never;
  }
}
