import type { LockRoot, LockWait } from './facts.ts';

/**
 * The roots of all waits: those who hold a lock and wait for nobody, with everybody who waits behind them, directly or
 * not. A circle (a deadlock of the moment) has its longest waiter as root; who waits for one that is not told has no id.
 */
export function lockRoots(waits: readonly LockWait[]): LockRoot[] {
  const behind = new Map<number | undefined, LockWait[]>();
  for (const wait of waits) behind.set(wait.blocker, [...(behind.get(wait.blocker) ?? []), wait]);
  const waiters = new Set(waits.map((wait) => wait.waiter));
  const reached = new Set<number>();
  const roots: LockRoot[] = [];
  const take = (id: number | undefined) => {
    const root = rootOf(id, behind);
    for (const waiter of root.waiters) reached.add(waiter);
    roots.push(root);
  };
  for (const id of behind.keys()) if (id === undefined || !waiters.has(id)) take(id);
  const circling = [...waits].sort((a, b) => b.seconds - a.seconds);
  for (const wait of circling) if (!reached.has(wait.waiter)) take(wait.waiter);
  return roots.sort((a, b) => b.waiters.length - a.waiters.length || b.longest - a.longest);
}

function rootOf(
  id: number | undefined,
  behind: ReadonlyMap<number | undefined, readonly LockWait[]>,
): LockRoot {
  const found = new Set<number>();
  const objects = new Set<string>();
  let longest = 0;
  const queue = [...(behind.get(id) ?? [])];
  for (let wait = queue.pop(); wait !== undefined; wait = queue.pop()) {
    if (wait.waiter === id) continue;
    longest = Math.max(longest, wait.seconds);
    if (found.has(wait.waiter)) continue;
    found.add(wait.waiter);
    if (wait.object !== '') objects.add(wait.object);
    queue.push(...(behind.get(wait.waiter) ?? []));
  }
  return { id, waiters: [...found], longest, objects: [...objects].slice(0, 5) };
}
