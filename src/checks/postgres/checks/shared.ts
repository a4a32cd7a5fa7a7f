import { figure } from '../../../message/figures.ts';
import type { Evidence, InstanceView, JudgeInput, Verdict } from '../../contract.ts';
import type { LockNode, PostgresFacts, SessionRow } from '../facts.ts';

export type Input<T> = JudgeInput<PostgresFacts, T>;
export type View = InstanceView<PostgresFacts>;

export function thin(summary: string): Verdict {
  return { level: 'ok', basis: 'thin', summary };
}

export function isPrimary<T>({ stack, target }: Input<T>, instance: string): boolean {
  const config = stack.service(target, 'postgres')?.config;
  return instance === (config?.on[0] ?? 'primary') || config?.replicas[instance] === undefined;
}

/** A verdict for the primary, which is the service itself, and one for each replica under its name. */
export function each<T>(input: Input<T>, judge: (view: View, primary: boolean) => Verdict): Verdict[] {
  return input.instances.map((view) => {
    const primary = isPrimary(input, view.instance);
    return { ...judge(view, primary), ...(primary ? {} : { subject: view.instance }) };
  });
}

/** "shop from 10.0.0.21" */
export function who(row: Pick<SessionRow, 'role' | 'address' | 'through'>): string {
  const from = row.address === undefined ? 'a local socket' : row.address;
  return `${row.role || 'a system process'} from ${from}${row.through === undefined ? '' : ` through ${row.through}`}`;
}

export function sessionTable(title: string, rows: readonly SessionRow[], most = 8): Evidence {
  return {
    kind: 'table',
    title: rows.length > most ? `${title} (${most} of ${rows.length})` : title,
    columns: [
      { name: 'pid' },
      { name: 'role' },
      { name: 'client' },
      { name: 'application' },
      { name: 'state' },
      { name: 'for', unit: 's' },
      { name: 'waits for' },
      { name: 'query' },
    ],
    rows: rows
      .slice(0, most)
      .map((row) => [
        row.pid,
        row.role,
        row.address ?? 'local',
        row.application,
        row.state,
        row.seconds,
        row.wait,
        row.query,
      ]),
  };
}

/** The tree, a line a session, those who wait set in. */
export function lockTable(nodes: readonly LockNode[], most = 20): Evidence {
  const rows: (string | number | null)[][] = [];
  const walk = (node: LockNode, depth: number) => {
    const { session } = node;
    rows.push([
      `${'. '.repeat(Math.min(depth, 8))}${node.pid}`,
      session ? who(session) : node.pid === 0 ? 'a prepared transaction' : 'gone meanwhile',
      session?.state ?? '',
      node.seconds,
      node.waitsFor || 'nobody',
      session?.query ?? '',
    ]);
    for (const child of node.children) walk(child, depth + 1);
  };
  for (const node of nodes) walk(node, 0);
  return {
    kind: 'table',
    title: rows.length > most ? `Who waits for whom (${most} of ${rows.length})` : 'Who waits for whom',
    columns: [
      { name: 'pid' },
      { name: 'who' },
      { name: 'state' },
      { name: 'for', unit: 's' },
      { name: 'waits for' },
      { name: 'query' },
    ],
    rows: rows.slice(0, most),
  };
}

/** The root of the tree that a session waits in. */
export function rootOf(nodes: readonly LockNode[], pid: number): LockNode | undefined {
  const holds = (node: LockNode): boolean => node.children.some((child) => child.pid === pid || holds(child));
  return nodes.find(holds);
}

export function rootWords(root: LockNode): string {
  if (!root.session) return root.pid === 0 ? 'a prepared transaction' : `process ${root.pid}`;
  return `process ${root.pid} (${who(root.session)}, ${root.session.state} for ${figure(root.seconds, 's')})`;
}

/** The one line that ends a session for good, and no other that took its pid meanwhile. */
export function endLine(
  row: Pick<SessionRow, 'pid' | 'backendStart'>,
  function_ = 'pg_terminate_backend',
): string {
  return `SELECT ${function_}(pid) FROM pg_stat_activity WHERE pid = ${row.pid} AND backend_start = '${row.backendStart}';`;
}
