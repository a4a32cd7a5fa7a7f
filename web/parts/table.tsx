import { useState } from 'preact/hooks';
import type { Block } from '../../src/message/contract.ts';
import { figure } from '../../src/message/figures.ts';
import { Foreign } from './text.tsx';

type Table = Extract<Block, { kind: 'table' }>;
type Cell = Table['rows'][number][number];

/** Evidence that sorts: a press on a column's name, numbers from the largest, texts from A. */
export function DataTable({ table }: { readonly table: Table }) {
  const [sorted, setSorted] = useState<{ column: number; down: boolean } | null>(null);
  const rows = sorted ? [...table.rows].sort(by(sorted.column, sorted.down)) : table.rows;
  const numeric = table.columns.map((_, i) => table.rows.every((row) => typeof row[i] !== 'string'));
  const press = (column: number) =>
    setSorted((before) =>
      before?.column === column ? { column, down: !before.down } : { column, down: numeric[column] ?? false },
    );
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={table.title ?? 'Table'}>
      <table>
        {table.title && <caption>{table.title}</caption>}
        <thead>
          <tr>
            {table.columns.map((column, i) => (
              <th
                key={column.name}
                scope="col"
                class={numeric[i] ? 'number' : ''}
                aria-sort={sorted?.column === i ? (sorted.down ? 'descending' : 'ascending') : 'none'}
              >
                <button type="button" class="bare small" onClick={() => press(i)}>
                  {column.name}
                  <span class="sort" aria-hidden="true">
                    {sorted?.column === i ? (sorted.down ? '↓' : '↑') : ''}
                  </span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>
              {table.columns.map((column, i) => (
                <td key={column.name} class={numeric[i] ? 'number' : ''}>
                  <CellText cell={row[i] ?? null} unit={column.unit} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function CellText({ cell, unit }: { readonly cell: Cell; readonly unit: string | undefined }) {
  if (cell === null) return <>–</>;
  if (typeof cell === 'number') return <>{unit ? figure(cell, unit) : cell}</>;
  return <Foreign text={cell} />;
}

function by(column: number, down: boolean) {
  const sign = down ? -1 : 1;
  return (a: readonly Cell[], b: readonly Cell[]) => {
    const [one, other] = [a[column] ?? null, b[column] ?? null];
    // What is not known stays at the end, whichever way.
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return (
      sign *
      (typeof one === 'number' && typeof other === 'number'
        ? one - other
        : String(one).localeCompare(String(other)))
    );
  };
}
