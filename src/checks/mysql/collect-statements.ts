import { WarroomError } from '../../errors/catalogue.ts';
import type { MysqlClient, MysqlRow } from '../../targets/mysql-link.ts';
import type { CollectContext, Timed } from '../contract.ts';
import { plain } from '../rate.ts';
import { capabilities, questions } from './capabilities.ts';
import { readNumbers, readSessions, withServer } from './collect.ts';
import type { PlanStep, SessionRow } from './facts.ts';
import { explainPattern } from './plans.ts';
import { number, text } from './rows.ts';
import { readSlowLog, type SlowLogWindow } from './slow-log.ts';
import { type DigestRow, type GrownDigest, grownDigests, idOf } from './statement-growth.ts';

export interface StatementsSnapshot {
  readonly uptime: number;
  /** Undefined without performance_schema. */
  readonly digests: readonly DigestRow[] | undefined;
  /** The newest counters of every digest seen so far, by id; bounded. */
  readonly known: ReadonlyMap<string, DigestRow>;
  readonly digestsLost: number;
  /** Finished statements' seconds of each account, `user@host`; undefined where the server does not count them. */
  readonly accounts: ReadonlyMap<string, number> | undefined;
  readonly sessions: readonly SessionRow[];
  /** Plans of the patterns that cost most or use no index, by digest id. */
  readonly plans: ReadonlyMap<string, readonly PlanStep[]>;
  readonly slowLog: SlowLogWindow | undefined;
}

const MOST_KNOWN = 5000;
const FIRST_LOOK = { seconds: 30 * 86_400, rows: 2000 };
const MOST_ROWS = 500;
/** Explained in a round: the dearest few. */
const MOST_PLANS = 4;
/** Tables of counters live through a clock that is set back a little. */
const SLACK_S = 15;

export async function collectStatements(
  context: CollectContext,
  previous: Timed<StatementsSnapshot> | undefined,
): Promise<StatementsSnapshot> {
  return withServer(context, async (client) => {
    const first = await capabilities(client);
    const has = first.statistics && !questions(first).digests ? await capabilities(client, true) : first;
    const ask = questions(has);
    if (has.statistics && ask.digests === undefined)
      throw new WarroomError('NO_RIGHT', {
        target: context.place.instance,
        what: 'read its statistics of statements',
        mend: `On the server: GRANT SELECT ON performance_schema.* TO ${client.account};`,
      });
    const numbers = await readNumbers(client);
    const since = previous ? Math.ceil((Date.now() - previous.at) / 1000) + SLACK_S : FIRST_LOOK.seconds;
    const digests =
      ask.digests === undefined
        ? undefined
        : (
            await client.ask(ask.digests, [Math.max(SLACK_S, since), previous ? MOST_ROWS : FIRST_LOOK.rows])
          ).map(digestOf);
    const accounts =
      ask.accounts === undefined
        ? undefined
        : new Map(
            (await client.ask(ask.accounts)).map((row) => [
              `${text(row, 'user')}@${text(row, 'host')}`,
              number(row, 'busy') ?? 0,
            ]),
          );
    const known = new Map(previous?.snapshot.known);
    const snapshot = {
      uptime: numbers.get('uptime') ?? 0,
      digests,
      digestsLost: digests?.find((row) => row.digest === '')?.calls ?? 0,
      accounts,
      sessions: await readSessions(client, ask),
      slowLog: digests === undefined ? await readSlowLog(context, previous?.snapshot.slowLog) : undefined,
    };
    const grown = grownDigests(previous?.snapshot, snapshot);
    for (const row of digests ?? []) {
      known.delete(idOf(row));
      known.set(idOf(row), row);
    }
    for (const id of known.keys()) {
      if (known.size <= MOST_KNOWN) break;
      known.delete(id);
    }
    return { ...snapshot, known, plans: await explainDear(client, grown, previous?.snapshot.plans) };
  });
}

function digestOf(row: MysqlRow): DigestRow {
  return {
    database: plain(text(row, 'db'), 64),
    digest: text(row, 'digest'),
    text: text(row, 'text'),
    calls: number(row, 'calls') ?? 0,
    busy: number(row, 'busy') ?? 0,
    sent: number(row, 'sent') ?? 0,
    examined: number(row, 'examined') ?? 0,
    noIndex: number(row, 'no_index') ?? 0,
    p95: number(row, 'p95'),
    firstSeen: text(row, 'first_seen'),
  };
}

/** Plans change when an index comes or goes: those that matter now are asked again each round. */
async function explainDear(
  client: MysqlClient,
  grown: readonly GrownDigest[],
  before: ReadonlyMap<string, readonly PlanStep[]> | undefined,
): Promise<ReadonlyMap<string, readonly PlanStep[]>> {
  const dear = [
    ...grown.filter((one) => one.noIndex > 0).sort((a, b) => b.examined - a.examined),
    ...[...grown].sort((a, b) => b.busy - a.busy),
  ];
  const plans = new Map<string, readonly PlanStep[]>();
  for (const { row } of dear) {
    if (plans.size >= MOST_PLANS) break;
    const id = idOf(row);
    if (plans.has(id) || isStatistics(row.text)) continue;
    const { plan } = await explainPattern(client, row.database, row.text);
    plans.set(id, plan.length > 0 ? plan : (before?.get(id) ?? []));
  }
  return plans;
}

/** What watchers ask, ourselves among them. */
export function isStatistics(digest: string): boolean {
  return (
    /\b(performance_schema|information_schema)\b/i.test(digest) ||
    /^(SHOW|SET|USE|EXPLAIN|COMMIT|ROLLBACK|BEGIN)\b/i.test(digest)
  );
}
