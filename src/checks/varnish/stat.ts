import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { CollectContext, Timed } from '../contract.ts';
import { pause } from '../pause.ts';
import { growth, plain } from '../rate.ts';
import { countersCommand, explainFailure } from './command.ts';

/** One backend's counters. Its health is a bitmap of probes, the newest in the lowest bit. */
export interface Backend {
  readonly vcl: string;
  readonly name: string;
  readonly happy: bigint;
  /** A bitmap of nothing but zeros is a backend without a probe, unless it ever had a good one. */
  readonly hasProbe: boolean;
  readonly counters: Readonly<Record<string, number>>;
}

/** One storage by its name (`s0`, `Transient`). */
export interface Storage {
  readonly name: string;
  /** `SMA` is malloc, `SMU` umem, `SMF` a file. */
  readonly kind: string;
  readonly usedBytes: number;
  /** 0 for one without a limit. */
  readonly freeBytes: number;
  /** Counters since the start: bytes given out, and wishes that could not be met. */
  readonly allocatedBytes: number;
  readonly failed: number;
}

export interface StatSnapshot {
  /** `MAIN.` and `MGT.` counters by their full name. */
  readonly counters: Readonly<Record<string, number>>;
  readonly storages: readonly Storage[];
  /** When what it kept was last dropped, by a start or a ban; as far as was seen. */
  readonly emptied?: { readonly at: number; readonly by: 'a start' | 'a ban' };
  /** In the order of creation: the newest VCL's last. */
  readonly backends: readonly Backend[];
  /** The VCL in use, as far as counters show it. */
  readonly active?: string;
}

const MAX_BYTES = 1024 * 1024;
/** varnishd counts its uptime each second. */
const MOVES_MS = 2_100;

/**
 * A varnishd that was killed leaves its counters and its log behind, and its tools go on reading them: only that the
 * uptime moves shows that it lives.
 */
export async function collectStat(
  context: CollectContext,
  previous: Timed<StatSnapshot> | undefined,
): Promise<StatSnapshot> {
  const first = withEmptied(await readStat(context, previous?.snapshot), previous?.snapshot);
  if (previous && (Date.now() - previous.at < MOVES_MS || moved(previous.snapshot, first))) return first;
  await pause(MOVES_MS, context.signal);
  const second = withEmptied(await readStat(context, first), first);
  if (moved(first, second)) return second;
  throw new WarroomError('TARGET_UNREACHABLE', {
    target: `Varnish on ${context.target.name}`,
    problem: 'what it left behind can be read, but its uptime stands still: it was killed, or it hangs',
    mend: 'Is varnishd running?',
  });
}

/** Bans are counted, not dated: one is as old as the round that first saw it. */
function withEmptied(now: StatSnapshot, before: StatSnapshot | undefined): StatSnapshot {
  const at = Date.now();
  const started = at - (now.counters['MAIN.uptime'] ?? 0) * 1000;
  const banned = growth(before?.counters['MAIN.bans_added'], now.counters['MAIN.bans_added']) ?? 0;
  // The counter of seconds is cut down, so the same start seems to wander by one.
  const known =
    before?.emptied?.by === 'a ban' && before.emptied.at > started - 2000 ? before.emptied : undefined;
  return {
    ...now,
    emptied: banned > 0 ? { at, by: 'a ban' } : (known ?? { at: started, by: 'a start' }),
  };
}

function moved(before: StatSnapshot, now: StatSnapshot): boolean {
  return before.counters['MAIN.uptime'] !== now.counters['MAIN.uptime'];
}

/** Counters as they are, of a living varnishd or not. */
export async function readStat(
  context: CollectContext,
  previous: StatSnapshot | undefined,
): Promise<StatSnapshot> {
  const { target, signal } = context;
  const output = await target.read(countersCommand(context.place), { signal, maxBytes: MAX_BYTES });
  if (output.cut)
    throw new WarroomError('TARGET_CUT', {
      target: target.name,
      command: 'varnishstat -j',
      maxBytes: MAX_BYTES,
    });
  if (output.status !== 0) throw await explainFailure(context, 'varnishstat', output);
  return parseStat(output.stdout, target.name, previous);
}

/** `varnishstat -j` of every release: flat up to 6.4, under `counters` from 6.5. Throws BAD_ANSWER alone. */
export function parseStat(text: string, target: string, previous?: StatSnapshot): StatSnapshot {
  let all: object;
  try {
    const json = asObject(JSON.parse(text));
    all = 'counters' in json ? asObject(json.counters) : json;
  } catch (thrown) {
    throw bad(target, reason(thrown).split('\n')[0] ?? '', thrown);
  }
  const counters: Record<string, number> = {};
  const backends = new Map<string, { vcl: string; name: string; counters: Record<string, number> }>();
  const storages = new Map<string, Record<string, number>>();
  for (const [name, entry] of Object.entries(all)) {
    const value = counterOf(entry);
    if (value === undefined) continue;
    if (name.startsWith('MAIN.') || name.startsWith('MGT.')) counters[name] = value;
    const [, storage, storageField] = /^(SM[AUF]\..+)\.([cg]_[a-z]+)$/.exec(name) ?? [];
    if (storage !== undefined && storageField !== undefined)
      storages.set(storage, { ...storages.get(storage), [storageField]: value });
    if (!name.startsWith('VBE.')) continue;
    // VBE.<vcl>.<backend>.<counter>; the backend's own name may hold dots (vmod goto), a VCL's does not here.
    const [, vcl, backend, field] = /^VBE\.([^.]+)\.(.+)\.([a-z_]+)$/.exec(name) ?? [];
    if (vcl === undefined || backend === undefined || field === undefined) continue;
    const id = `${vcl}.${backend}`;
    const row = backends.get(id) ?? { vcl, name: backend, counters: {} };
    row.counters[field] = value;
    backends.set(id, row);
  }
  if (counters['MAIN.uptime'] === undefined) throw bad(target, 'MAIN.uptime is missing');
  const happy = happyBits(text);
  const probed = new Set(
    previous?.backends.filter((one) => one.hasProbe).map((one) => `${one.vcl}.${one.name}`),
  );
  const snapshot: StatSnapshot = {
    counters,
    storages: [...storages].map(([name, fields]) => toStorage(name, fields)),
    backends: [...backends].map(([id, row]) => {
      const bits = happy.get(id) ?? 0n;
      return { ...row, happy: bits, hasProbe: bits > 0n || probed.has(id) };
    }),
  };
  const active = activeVcl(previous, snapshot);
  return active === undefined ? snapshot : { ...snapshot, active };
}

function toStorage(name: string, fields: Readonly<Record<string, number>>): Storage {
  return {
    kind: name.slice(0, 3),
    name: plain(name.slice(4), 40),
    usedBytes: fields['g_bytes'] ?? 0,
    freeBytes: fields['g_space'] ?? 0,
    allocatedBytes: fields['c_bytes'] ?? 0,
    failed: fields['c_fail'] ?? 0,
  };
}

/**
 * The probe bitmaps from the raw text: 64 bits do not fit a JSON number, and what JSON.parse rounds away is just
 * the newest probes.
 */
export function happyBits(text: string): Map<string, bigint> {
  const found = new Map<string, bigint>();
  for (const [, id, value] of text.matchAll(
    /"VBE\.([^"]+)\.happy"\s*:\s*\{[^{}]*?"value"\s*:\s*(\d{1,20})\b/g,
  ))
    if (id !== undefined && value !== undefined) found.set(id, BigInt(value));
  return found;
}

/** Which VCL is in use: that whose backends get the requests; without traffic the newest. */
export function activeVcl(previous: StatSnapshot | undefined, current: StatSnapshot): string | undefined {
  const before = new Map(previous?.backends.map((one) => [`${one.vcl}.${one.name}`, one.counters['req']]));
  const grown = new Map<string, number>();
  for (const one of current.backends) {
    const more = growth(before.get(`${one.vcl}.${one.name}`), one.counters['req']) ?? 0;
    grown.set(one.vcl, (grown.get(one.vcl) ?? 0) + more);
  }
  const [busiest] = [...grown].sort((a, b) => b[1] - a[1]);
  if (busiest && busiest[1] > 0) return busiest[0];
  const used = current.backends.filter((one) => (one.counters['req'] ?? 0) > 0).at(-1);
  return (
    (previous?.active !== undefined && grown.has(previous.active) ? previous.active : undefined) ??
    used?.vcl ??
    current.backends.at(-1)?.vcl
  );
}

/** Some 600 counters every 5 s: looked at by hand, since a schema for each would take ten times as long. */
function counterOf(entry: unknown): number | undefined {
  if (typeof entry !== 'object' || entry === null || !('value' in entry)) return undefined;
  const { value } = entry;
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function asObject(value: unknown): object {
  if (typeof value !== 'object' || value === null) throw new TypeError('no object');
  return value;
}

function bad(target: string, problem: string, cause?: unknown): WarroomError {
  return new WarroomError('BAD_ANSWER', { target, expected: 'the counters of varnishstat', problem }, cause);
}
