import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { ConnectionRow, PostgresFacts } from '../facts.ts';
import { each, thin, type View } from './shared.ts';

const Connections = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of the connections that ordinary roles may have; stock alerts begin at 80 %.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share of those connections; stock alerts call 90 % critical: a burst takes the rest.'),
  clear: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe('Share of those connections; where stock alerts end.'),
});

export const connections = defineCheck<PostgresFacts, z.infer<typeof Connections>>({
  id: 'postgres.connections',
  question: 'Are connections well under the maximum?',
  thresholds: Connections,
  needs: ['connections'],
  falseAlarm:
    'A pool that is as large as the server by design, and never grows: then the share is high and stays where it is.',
  judge(input) {
    return each(input, (view): Verdict => {
      const { server } = view.facts;
      if (server?.full !== undefined)
        return {
          level: 'critical',
          certain: true,
          summary: `No connection is left: the server refused one (limit reached).`,
          value: 1,
          unit: 'share',
          threshold: input.thresholds.critical,
          evidence: [{ kind: 'note', text: server.full }],
          advice:
            'On the host, as postgres: end idle sessions (pg_terminate_backend), then see who holds them. A pooler in front keeps the number small.',
        };
      const used = view.value('postgres.connections');
      const most = view.value('postgres.connections_max');
      if (used === undefined || !most) return thin('The limit of connections is not known yet.');
      const value = Math.min(1, used / most);
      const { level, cleared, threshold } = grade(value, input.thresholds, 'above');
      const rows = view.facts.connections ?? [];
      const top = holders(rows)[0];
      return {
        level,
        cleared,
        summary: `${used} of ${most} connections are taken, ${figure(value, 'share')} (limit ${figure(threshold, 'share')})${level === 'ok' || !top ? '' : `; ${top.role} from ${top.from} holds ${top.count}, ${top.idle} of them idle`}.`,
        value,
        unit: 'share',
        threshold,
        evidence: [holderTable(view)],
        ...(level === 'ok' ? {} : { advice: adviceFor(rows) }),
      };
    });
  },
});

interface Holder {
  readonly role: string;
  readonly from: string;
  readonly application: string;
  count: number;
  idle: number;
  inTransaction: number;
  oldestSeconds: number;
}

function holders(rows: readonly ConnectionRow[]): Holder[] {
  const found = new Map<string, Holder>();
  for (const row of rows) {
    const from = row.address ?? 'a local socket';
    const key = JSON.stringify([row.role, from, row.application]);
    const kept = found.get(key) ?? {
      role: row.role,
      from,
      application: row.application,
      count: 0,
      idle: 0,
      inTransaction: 0,
      oldestSeconds: 0,
    };
    kept.count += row.count;
    if (row.state === 'idle') kept.idle += row.count;
    if (row.state.startsWith('idle in transaction')) kept.inTransaction += row.count;
    kept.oldestSeconds = Math.max(kept.oldestSeconds, row.oldestSeconds);
    found.set(key, kept);
  }
  return [...found.values()].sort((a, b) => b.count - a.count);
}

function holderTable(view: View): Evidence {
  const all = holders(view.facts.connections ?? []);
  return {
    kind: 'table',
    title: `Who holds connections on ${view.instance}`,
    columns: [
      { name: 'role' },
      { name: 'client' },
      { name: 'application' },
      { name: 'connections' },
      { name: 'idle' },
      { name: 'in transaction' },
      { name: 'unused for', unit: 's' },
    ],
    rows: all
      .slice(0, 10)
      .map((one) => [
        one.role,
        one.from,
        one.application,
        one.count,
        one.idle,
        one.inTransaction,
        one.oldestSeconds,
      ]),
  };
}

function adviceFor(rows: readonly ConnectionRow[]): string {
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  const idle = rows.reduce((sum, row) => sum + (row.state.startsWith('idle') ? row.count : 0), 0);
  return idle * 2 >= total
    ? `${idle} of ${total} do nothing: a client that opens and does not close them, or pools that are too large. A pooler (PgBouncer, pool_mode = transaction) needs far fewer.`
    : 'Most of them work: the queries take long. See postgres.long-queries and postgres.locks before the limit is raised.';
}
