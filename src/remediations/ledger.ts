import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { transact } from '../store/transact.ts';
import type { ProposalState } from './contract.ts';
import type { Proposal, ProposalRecord } from './record.ts';
import { mayBecome } from './states.ts';

type Tx = Transaction<Database>;

const KEPT_IN_MEMORY = 500;
const BUSY_TRIES = 6;
const BUSY_WAIT_MS = 40;

/** An older process, or an older run, found that another one goes on with its proposal. */
export class Fenced extends Error {}

/** The proposals: the store decides, memory shows. */
export class Ledger {
  readonly #known = new Map<string, Proposal>();

  constructor(
    private readonly store: Store,
    private readonly onChange: (id: string) => void,
  ) {}

  async load(): Promise<void> {
    const rows = await this.store.db
      .selectFrom('proposals')
      .select('id')
      .orderBy('created_at', 'desc')
      .limit(KEPT_IN_MEMORY)
      .execute();
    for (const { id } of rows.reverse()) await this.#refresh(this.store.db, id);
  }

  all(): Proposal[] {
    return [...this.#known.values()];
  }

  get(id: string): Proposal | undefined {
    return this.#known.get(id);
  }

  /**
   * One transaction; those who look at memory see its changes once it is committed. The write lock is taken first,
   * so that what was read in it cannot be overtaken before it is written.
   */
  async write<T>(ids: readonly string[], work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const result = await transact(this.store.db, async (tx) => {
          await tx.updateTable('proposals').set({ fence: 0 }).where('id', '=', '').execute();
          return work(tx);
        });
        for (const id of ids) await this.#refresh(this.store.db, id);
        for (const id of ids) this.onChange(id);
        return result;
      } catch (thrown) {
        if (tries >= BUSY_TRIES || !isBusy(thrown)) throw thrown;
        await sleep(BUSY_WAIT_MS * tries);
      }
    }
  }

  async insert(tx: Tx, record: ProposalRecord): Promise<void> {
    await tx
      .insertInto('proposals')
      .values({
        id: record.id,
        incident: record.incident,
        state: 'pending',
        plan_hash: record.planHash,
        json: JSON.stringify(record),
        created_at: record.createdAt,
        expires_at: record.expiresAt,
        fence: 0,
      })
      .execute();
  }

  /** Compare and set: false when it is not in that state any more. Nobody else's word counts. */
  async move(
    tx: Tx,
    id: string,
    from: ProposalState,
    to: ProposalState,
    change: Partial<ProposalRecord> = {},
  ): Promise<boolean> {
    if (!mayBecome(from, to)) throw new TypeError(`A proposal that is ${from} cannot become ${to}.`);
    const current = await readProposal(tx, id);
    if (!current) return false;
    const done = await tx
      .updateTable('proposals')
      .set({ state: to, json: JSON.stringify({ ...current.record, ...change }) })
      .where('id', '=', id)
      .where('state', '=', from)
      .where('plan_hash', '=', current.record.planHash)
      .executeTakeFirst();
    return done.numUpdatedRows === 1n;
  }

  /** The next run's number: whoever holds an older one can write nothing any more. */
  async takeFence(tx: Tx, id: string): Promise<number> {
    await tx
      .updateTable('proposals')
      .set((eb) => ({ fence: eb('fence', '+', 1) }))
      .where('id', '=', id)
      .execute();
    const row = await tx
      .selectFrom('proposals')
      .select('fence')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return row.fence;
  }

  /** Changes the record of a run that still holds the fence, or throws Fenced and so undoes the transaction. */
  async note(
    tx: Tx,
    id: string,
    fence: number,
    change: (record: ProposalRecord) => Partial<ProposalRecord>,
  ): Promise<ProposalRecord> {
    const current = await readProposal(tx, id);
    if (!current) throw new Fenced(id);
    const record = { ...current.record, ...change(current.record) };
    const done = await tx
      .updateTable('proposals')
      .set({ json: JSON.stringify(record) })
      .where('id', '=', id)
      .where('fence', '=', fence)
      .where('state', 'in', ['running', 'settling'])
      .executeTakeFirst();
    if (done.numUpdatedRows !== 1n) throw new Fenced(id);
    return record;
  }

  /** `move` for a run: also only with the fence. */
  async moveFenced(
    tx: Tx,
    id: string,
    fence: number,
    from: ProposalState,
    to: ProposalState,
    change: Partial<ProposalRecord> = {},
  ): Promise<void> {
    const row = await tx.selectFrom('proposals').select('fence').where('id', '=', id).executeTakeFirst();
    if (row?.fence !== fence || !(await this.move(tx, id, from, to, change))) throw new Fenced(id);
  }

  async #refresh(db: Kysely<Database>, id: string): Promise<void> {
    const found = await readProposal(db, id);
    if (found) this.#known.set(id, found);
  }
}

export async function readProposal(db: Kysely<Database>, id: string): Promise<Proposal | undefined> {
  const row = await db.selectFrom('proposals').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toProposal(db, row);
}

export async function readIncident(db: Kysely<Database>, incident: number): Promise<Proposal[]> {
  const rows = await db
    .selectFrom('proposals')
    .selectAll()
    .where('incident', '=', incident)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return Promise.all(rows.map((row) => toProposal(db, row)));
}

async function toProposal(db: Kysely<Database>, row: Database['proposals']): Promise<Proposal> {
  const approvals = await db
    .selectFrom('approvals')
    .select(['person', 'at'])
    .where('proposal', '=', row.id)
    .where('plan_hash', '=', row.plan_hash)
    .orderBy('at')
    .execute();
  return {
    record: JSON.parse(row.json) as ProposalRecord,
    state: row.state as ProposalState,
    fence: row.fence,
    approvals: approvals.map(({ person, at }) => ({ by: person, at })),
  };
}

function isBusy(thrown: unknown): boolean {
  return String((thrown as { code?: unknown } | null)?.code ?? '').startsWith('SQLITE_BUSY');
}
