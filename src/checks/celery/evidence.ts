import type { Evidence } from '../contract.ts';
import type {
  EndedRow,
  FailureRow,
  PoolRow,
  QueueRow,
  RunningRow,
  TaskRate,
  WaitingRow,
  WorkerRow,
} from './facts.ts';

/** Rows of a table in a finding; a view may show more. */
const MOST_ROWS = 12;

/** Nothing where there is nothing to show. */
function table<R>(
  title: string,
  columns: Extract<Evidence, { kind: 'table' }>['columns'],
  rows: readonly R[],
  cells: (row: R) => readonly (string | number | null)[],
  most = MOST_ROWS,
): Evidence[] {
  if (rows.length === 0) return [];
  const left = rows.length - most;
  return [
    {
      kind: 'table',
      title: left > 0 ? `${title} (${left} more)` : title,
      columns,
      rows: rows.slice(0, most).map(cells),
    },
  ];
}

export function workerTable(
  workers: readonly WorkerRow[],
  pools: readonly PoolRow[],
  at: number,
  most?: number,
) {
  const byNode = new Map(pools.map((pool) => [pool.node, pool]));
  return table(
    'Workers',
    [
      { name: 'worker' },
      { name: 'state' },
      { name: 'ping', unit: 'ms' },
      { name: 'last answer', unit: 's' },
      { name: 'busy' },
      { name: 'pool' },
      { name: 'done', unit: '/s' },
    ],
    workers,
    (row) => {
      const pool = byNode.get(row.node);
      return [
        row.node,
        WORDS[row.state],
        row.ms,
        row.state === 'answers' ? null : (at - row.answeredAt) / 1000,
        pool?.active ?? null,
        pool === undefined ? null : `${pool.size}${pool.solo ? ', solo' : ''}`,
        pool?.perSecond ?? null,
      ];
    },
    most,
  );
}

const WORDS: Readonly<Record<WorkerRow['state'], string>> = {
  answers: 'answers',
  silent: 'silent',
  gone: 'gone',
  unheard: 'silent or gone',
};

export function queueTable(queues: readonly QueueRow[], most?: number) {
  return table(
    'Queues',
    [
      { name: 'queue' },
      { name: 'waiting' },
      { name: 'by priority' },
      { name: 'taken, not done' },
      { name: 'consumers' },
      { name: 'oldest', unit: 's' },
    ],
    queues,
    (row) => [
      row.queue,
      row.ready ?? 'no such queue',
      row.byPriority.slice(1).some((count) => count > 0) ? row.byPriority.join(' · ') : '',
      row.unacked,
      row.consumers,
      row.oldestSeconds,
    ],
    most,
  );
}

export function waitingTable(rows: readonly WaitingRow[]) {
  return table(
    'At the head of the queues, by task',
    [{ name: 'queue' }, { name: 'task' }, { name: 'of the oldest' }, { name: 'oldest', unit: 's' }],
    rows,
    (row) => [row.queue, row.task, `${row.count} of ${row.looked}`, row.oldestSeconds],
  );
}

export function runningTable(rows: readonly RunningRow[]) {
  return table(
    'What workers are on now',
    [{ name: 'task' }, { name: 'running' }, { name: 'longest', unit: 's' }],
    rows,
    (row) => [row.task, row.count, row.longestSeconds],
  );
}

export function rateTable(rows: readonly TaskRate[], most?: number) {
  return table(
    'Tasks taken up',
    [{ name: 'task' }, { name: 'rate', unit: '/s' }],
    rows,
    (row) => [row.task, row.perSecond],
    most,
  );
}

export function endedTable(rows: readonly EndedRow[], most?: number) {
  return table(
    'How tasks ended',
    [
      { name: 'task' },
      { name: 'failed' },
      { name: 'succeeded' },
      { name: 'retried' },
      { name: 'mean', unit: 's' },
    ],
    rows,
    (row) => [row.task, row.failed, row.succeeded, row.retried, row.meanSeconds],
    most,
  );
}

export function failureTable(rows: readonly FailureRow[], most?: number) {
  return table(
    'Failures',
    [{ name: 'task' }, { name: 'times' }, { name: 'exception' }, { name: 'where' }, { name: 'worker' }],
    rows,
    (row) => [row.task, row.count, row.exception, row.where, row.node],
    most,
  );
}
