import { growth } from '../rate.ts';

/** Counters of one digest since the server's start; times are seconds. */
export interface DigestRow {
  readonly database: string;
  /** Empty for the row that stands for all that found no place in the table. */
  readonly digest: string;
  readonly text: string;
  readonly calls: number;
  readonly busy: number;
  readonly sent: number;
  readonly examined: number;
  readonly noIndex: number;
  readonly p95: number | undefined;
  readonly firstSeen: string;
}

/** The table's own key. */
export function idOf(row: Pick<DigestRow, 'database' | 'digest'>): string {
  return `${row.database}\n${row.digest}`;
}

export interface GrownDigest {
  readonly row: DigestRow;
  readonly calls: number;
  readonly busy: number;
  readonly sent: number;
  readonly examined: number;
  readonly noIndex: number;
}

interface Counted {
  readonly uptime: number;
  readonly digests: readonly DigestRow[] | undefined;
}

/**
 * What each digest grew by since the snapshot before. One that is new in the table counts from nothing; one that was
 * not read before, and is older, is not told; after a restart or a TRUNCATE nothing is.
 */
export function grownDigests(
  before: (Counted & { readonly known: ReadonlyMap<string, DigestRow> }) | undefined,
  now: Counted,
): GrownDigest[] {
  if (!before || now.digests === undefined || before.digests === undefined || now.uptime < before.uptime)
    return [];
  const newest = [...before.known.values()].reduce(
    (latest, row) => (row.firstSeen > latest ? row.firstSeen : latest),
    '',
  );
  return now.digests.flatMap((row) => {
    const old = before.known.get(idOf(row));
    const fresh = old === undefined ? row.firstSeen > newest : row.firstSeen > old.firstSeen;
    if (old === undefined && !fresh) return [];
    const from = fresh ? NOTHING : (old as DigestRow);
    const calls = growth(from.calls, row.calls);
    if (calls === undefined || calls === 0) return [];
    return [
      {
        row,
        calls,
        busy: growth(from.busy, row.busy) ?? 0,
        sent: growth(from.sent, row.sent) ?? 0,
        examined: growth(from.examined, row.examined) ?? 0,
        noIndex: growth(from.noIndex, row.noIndex) ?? 0,
      },
    ];
  });
}

const NOTHING = { calls: 0, busy: 0, sent: 0, examined: 0, noIndex: 0 };
