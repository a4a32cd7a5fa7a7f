import type { LockWait } from '../collect/activity.ts';
import type { LockNode, SessionRow } from '../facts.ts';

/**
 * Down from those who wait for nobody and are waited for. Everybody stands once, as near to a root as he can: who
 * queues for a table is blocked by all before him, and would otherwise stand below each of them.
 */
export function lockTree(sessions: readonly SessionRow[], waits: readonly LockWait[]): LockNode[] {
  const waiting = new Map(waits.map((wait) => [wait.pid, wait]));
  const roots = new Set(waits.flatMap((wait) => wait.by).filter((pid) => !waiting.has(pid)));
  // In a circle, a deadlock that PostgreSQL has not broken yet, nobody is a root: any of it stands for the rest.
  if (roots.size === 0 && waits[0]) roots.add(waits[0].pid);
  const parents = new Map<number, number>();
  const queue = [...roots];
  for (let next = queue.shift(); next !== undefined; next = queue.shift())
    for (const { pid, by } of waits)
      if (by.includes(next) && !parents.has(pid) && !roots.has(pid)) {
        parents.set(pid, next);
        queue.push(pid);
      }
  const node = (pid: number): LockNode => {
    const session = sessions.find((one) => one.pid === pid);
    const children = [...parents].filter(([, parent]) => parent === pid).map(([child]) => node(child));
    return {
      session,
      pid,
      waitsFor: waiting.get(pid)?.what ?? '',
      seconds: session?.seconds ?? 0,
      children,
      waiters: children.reduce((sum, child) => sum + 1 + child.waiters, 0),
    };
  };
  return [...roots].map(node).sort((a, b) => b.waiters - a.waiters);
}
