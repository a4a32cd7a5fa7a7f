import type { Evidence } from '../../checks/contract.ts';
import { own, paragraph, say } from '../../message/build.ts';
import type { Block } from '../../message/contract.ts';
import { figure } from '../../message/figures.ts';

/** Evidence as blocks; every string in it came from a watched system and stays foreign. */
export function evidenceBlocks(evidence: readonly Evidence[]): Block[] {
  return evidence.map(blockOf);
}

function blockOf(evidence: Evidence): Block {
  switch (evidence.kind) {
    case 'figures':
      return {
        kind: 'fields',
        rows: evidence.rows.map((row) => ({
          name: say`${row.name}`,
          value: [
            own(
              `${figure(row.value, row.unit)}${row.limit === undefined ? '' : ` (limit ${figure(row.limit, row.unit)})`}`,
            ),
          ],
        })),
      };
    case 'table':
      return { kind: 'table', title: evidence.title, columns: evidence.columns, rows: evidence.rows };
    case 'note':
      return paragraph(say`${evidence.text}`);
    default:
      return never(evidence);
  }
}

function never(evidence: never): never {
  throw new TypeError(`Evidence of an unknown kind: ${JSON.stringify(evidence)}`);
}
