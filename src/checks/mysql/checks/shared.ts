import type { Stack } from '../../../config/stack.ts';
import type { Evidence, InstanceView, JudgeInput, Level, Verdict } from '../../contract.ts';
import { plain } from '../../rate.ts';
import type { Holder, MysqlFacts, Pattern, PlanStep, SessionRow } from '../facts.ts';

export type Instance = InstanceView<MysqlFacts>;
export type Input<T> = JudgeInput<MysqlFacts, T>;

/** Judges each server by itself; of a service with replicas the server's name is the finding's subject. */
export function each<T>(input: Input<T>, judge: (instance: Instance) => Verdict): Verdict[] {
  const replicated = hasReplicas(input.stack, input.target);
  return input.instances.map((instance) => {
    const verdict = instance.facts.full === true ? couldNotLook(FULL) : judge(instance);
    return replicated ? { ...verdict, subject: instance.instance } : verdict;
  });
}

/** The primary alone: what its replicas have comes from it. */
export function primaryOf<T>({ stack, target, instances }: Input<T>): Instance | undefined {
  const replicas = Object.keys(stack.service(target, 'mysql')?.config.replicas ?? {});
  return instances.find((one) => !replicas.includes(one.instance));
}

function hasReplicas(stack: Stack, target: string): boolean {
  return Object.keys(stack.service(target, 'mysql')?.config.replicas ?? {}).length > 0;
}

export const FULL = 'all connections of the server are taken, also ours.';

export function couldNotLook(why: string): Verdict {
  return { level: 'unknown', cleared: false, summary: `Could not look: ${why}` };
}

export function worse(a: Level, b: Level): Level {
  const order: readonly Level[] = ['ok', 'unknown', 'warn', 'critical'];
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

/** `shop@10.77.0.21` */
export function client(one: { readonly user: string; readonly address: string | undefined }): string {
  return `${one.user}@${one.address ?? 'localhost'}`;
}

/** A query short enough for a sentence. */
export function short(query: string, most = 90): string {
  return plain(query === '' ? '(no statement)' : query, most);
}

const MOST_ROWS = 15;

export function sessionTable(title: string, sessions: readonly SessionRow[]): Evidence {
  return {
    kind: 'table',
    title,
    columns: [
      { name: 'id' },
      { name: 'client' },
      { name: 'database' },
      { name: 'command' },
      { name: 'for', unit: 's' },
      { name: 'transaction', unit: 's' },
      { name: 'locks' },
      { name: 'changed' },
      { name: 'state' },
      { name: 'query' },
    ],
    rows: sessions
      .slice(0, MOST_ROWS)
      .map((one) => [
        one.id,
        one.program === '' ? client(one) : `${client(one)} (${one.program})`,
        one.database,
        one.command,
        one.seconds,
        one.transaction?.seconds ?? null,
        one.transaction?.rowsLocked ?? null,
        one.transaction?.rowsModified ?? null,
        one.state,
        short(one.query, 200),
      ]),
  };
}

export function holderTable(holders: readonly Holder[]): Evidence {
  return {
    kind: 'table',
    title: 'Who holds connections',
    columns: [
      { name: 'client' },
      { name: 'sessions' },
      { name: 'sleeping' },
      { name: 'longest sleep', unit: 's' },
    ],
    rows: holders
      .slice(0, MOST_ROWS)
      .map((one) => [client(one), one.sessions, one.sleeping, one.longestSleep]),
  };
}

export function planTable(title: string, plan: readonly PlanStep[]): Evidence[] {
  if (plan.length === 0) return [];
  return [
    {
      kind: 'table',
      title,
      columns: [{ name: 'table' }, { name: 'access' }, { name: 'key' }, { name: 'rows' }, { name: 'extra' }],
      rows: plan.map((step) => [step.table, step.access, step.key, step.rows ?? null, step.extra]),
    },
  ];
}

export function patternTable(
  title: string,
  patterns: readonly Pattern[],
  requests: number | undefined,
): Evidence {
  return {
    kind: 'table',
    title,
    columns: [
      { name: 'query' },
      { name: 'calls', unit: '/s' },
      { name: 'time', unit: 'share' },
      { name: 'a call', unit: 's' },
      { name: 'rows read a call' },
      { name: 'rows sent a call' },
      { name: 'without index', unit: 'share' },
      { name: 'calls a request' },
    ],
    rows: patterns
      .slice(0, 10)
      .map((one) => [
        short(one.text, 200),
        one.calls ?? null,
        one.share,
        one.calls ? one.busy / one.calls : null,
        one.examinedPerCall === undefined ? null : Math.round(one.examinedPerCall),
        one.sentPerCall === undefined ? null : Math.round(one.sentPerCall),
        one.noIndex ?? null,
        callsPerRequest(one, requests) ?? null,
      ]),
  };
}

/** How often a request of the application asks this; undefined where requests or calls are not known. */
export function callsPerRequest(pattern: Pattern, requests: number | undefined): number | undefined {
  return pattern.calls !== undefined && requests !== undefined && requests > 0
    ? pattern.calls / requests
    : undefined;
}
