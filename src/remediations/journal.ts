import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../store/schema.ts';
import type { Baseline } from './verdict.ts';

type Kind = Database['journal']['kind'];

/** Why what was applied is taken back, and what the proposal ends as. Written before the first revert. */
export interface RevertDecision {
  readonly decision: 'revert';
  readonly why: string;
  readonly end: 'reverted' | 'failed';
  readonly by?: string;
}

/** A run as its journal tells it. */
export interface Told {
  readonly baseline: Baseline | undefined;
  readonly intended: ReadonlySet<number>;
  readonly done: ReadonlySet<number>;
  readonly reverting: ReadonlySet<number>;
  readonly reverted: ReadonlySet<number>;
  readonly decision: RevertDecision | undefined;
}

export async function writeJournal(
  tx: Transaction<Database>,
  entry: {
    readonly proposal: string;
    readonly step: number;
    readonly kind: Kind;
    readonly at: number;
    readonly json: unknown;
  },
): Promise<void> {
  await tx
    .insertInto('journal')
    .values({ ...entry, json: JSON.stringify(entry.json ?? null) })
    .execute();
}

export async function readJournal(db: Kysely<Database>, proposal: string): Promise<Told> {
  const rows = await db
    .selectFrom('journal')
    .selectAll()
    .where('proposal', '=', proposal)
    .orderBy('seq')
    .execute();
  const steps = (kind: Kind, ok: (json: unknown) => boolean = () => true) =>
    new Set(rows.filter((row) => row.kind === kind && ok(JSON.parse(row.json))).map((row) => row.step));
  const succeeded = (json: unknown) => (json as { problem?: unknown } | null)?.problem === undefined;
  const last = (kind: Kind) => {
    const row = rows.findLast((one) => one.kind === kind);
    return row ? (JSON.parse(row.json) as unknown) : undefined;
  };
  return {
    baseline: last('baseline') as Baseline | undefined,
    intended: steps('intent'),
    done: steps('outcome', succeeded),
    reverting: steps('revert-intent'),
    reverted: steps('revert-outcome', succeeded),
    decision: rows
      .filter((row) => row.kind === 'verdict')
      .map((row) => JSON.parse(row.json) as Partial<RevertDecision>)
      .findLast((row): row is RevertDecision => row.decision === 'revert'),
  };
}
