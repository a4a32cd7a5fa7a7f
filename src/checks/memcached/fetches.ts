import { WarroomError } from '../../errors/catalogue.ts';
import { Ended, Refusal } from '../../targets/memcached-text.ts';
import type { CollectContext, Timed } from '../contract.ts';
import { pause } from '../pause.ts';
import { ask, connect } from './collect.ts';
import { type FetchWindow, parseFetches } from './fetch-lines.ts';

/** A look at fetches: windows of live lines, or the server's counters by prefix, or why neither is possible. */
export type FetchesSnapshot =
  | { readonly source: 'watch'; readonly windows: readonly FetchWindow[] }
  | { readonly source: 'detail'; readonly counts: ReadonlyMap<string, PrefixCounts> }
  | { readonly source: 'none'; readonly problem: string };

/** Totals since the server began to count. */
export interface PrefixCounts {
  readonly reads: number;
  readonly hits: number;
  readonly sets: number;
}

/** One look takes no longer, and no more lines: at 100,000 fetches/s it is over after 30 ms. */
const LOOK_MS = 1000;
const MOST_LINES = 3000;
const MOST_CHARACTERS = 500_000;
/** Windows that are judged together. */
const WINDOWS = 5;

export async function collectFetches(
  context: CollectContext,
  previous: Timed<FetchesSnapshot> | undefined,
): Promise<FetchesSnapshot> {
  const before = previous?.snapshot.source === 'watch' ? previous.snapshot.windows : [];
  try {
    const window = await watchFetches(context, LOOK_MS);
    return { source: 'watch', windows: [...before.slice(1 - WINDOWS), window] };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return detailOf(context, thrown.message);
  }
}

/** Lines of `watch` on a connection of its own, which ends with the look. Throws Refusal where it is not allowed. */
export async function watchFetches(context: CollectContext, lookMs: number): Promise<FetchWindow> {
  const stream = await connect(context);
  // A late error of a stream that nobody reads any more must not end the process.
  stream.on('error', () => undefined);
  const lines: string[] = [];
  let characters = 0;
  let began = false;
  try {
    const text = await ask(context, (client) => client.another(stream));
    const start = Date.now();
    const full = text.ask('watch fetchers mutations evictions', (line) => {
      // The first one says OK.
      if (began) lines.push(line);
      began = true;
      characters += line.length;
      return lines.length >= MOST_LINES || characters >= MOST_CHARACTERS;
    });
    full.catch(() => undefined);
    await Promise.race([full, pause(lookMs, context.signal)]);
    return parseFetches(lines, Math.max(0.001, (Date.now() - start) / 1000));
  } catch (thrown) {
    if (thrown instanceof Ended)
      throw new WarroomError('BAD_ANSWER', {
        target: context.target.name,
        expected: 'a look at fetches',
        problem: thrown.message,
      });
    throw thrown;
  } finally {
    stream.destroy();
  }
}

/** Without live lines: the counters by prefix, only where somebody has them switched on. */
async function detailOf(context: CollectContext, why: string): Promise<FetchesSnapshot> {
  return ask(context, async (client) => {
    const settings = await client.stats('settings');
    if (settings.get('detail_enabled') === 'yes')
      return { source: 'detail', counts: parseDetail(await client.detail()) };
    const mend =
      client.protocol === 'binary'
        ? 'This server speaks the binary protocol alone, which has no "watch": with -D : it counts by prefix.'
        : 'Start it without -W, or with -D : so that it counts by prefix.';
    return { source: 'none', problem: `No look at fetches: ${why.slice(0, 100)}. ${mend}` };
  });
}

/** `PREFIX product get 20 hit 18 set 2 del 0` */
export function parseDetail(lines: readonly string[]): Map<string, PrefixCounts> {
  const found = new Map<string, PrefixCounts>();
  for (const line of lines) {
    const match = /^PREFIX (.+) get (\d{1,20}) hit (\d{1,20}) set (\d{1,20}) del \d+$/.exec(line);
    if (!match || found.size >= MOST_PREFIXES) continue;
    const [, prefix = '', reads, hits, sets] = match;
    found.set(prefix, { reads: Number(reads), hits: Number(hits), sets: Number(sets) });
  }
  return found;
}
const MOST_PREFIXES = 2000;
