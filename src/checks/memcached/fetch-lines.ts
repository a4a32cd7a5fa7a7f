import { plain } from '../rate.ts';
import { redactText } from '../redact.ts';

/** What was asked of keys that begin alike, in one look. */
export interface PrefixTally {
  reads: number;
  hits: number;
  misses: number;
  /** Of the misses, those whose item was there and too old. */
  expired: number;
  sets: number;
  evicted: number;
}

export interface FetchWindow {
  readonly seconds: number;
  readonly lines: number;
  /** Lines that the server left out because nobody took them fast enough. */
  readonly skipped: number;
  readonly prefixes: ReadonlyMap<string, PrefixTally>;
  /** The one key that was read most. */
  readonly hot?: { readonly prefix: string; readonly reads: number };
}

const MOST_PREFIXES = 200;
export const OTHERS = '(others)';
const LONGEST_PREFIX = 32;

/**
 * Lines of `watch fetchers mutations evictions` (memcached's protocol.txt, "Watchers"). Every store looks its key up
 * first and so writes a fetch before its own line: that one is no read. Deletes and increments write one as well and
 * cannot be told apart, so they count as reads.
 */
export function parseFetches(lines: readonly string[], seconds: number): FetchWindow {
  const prefixes = new Map<string, PrefixTally>();
  const keys = new Map<string, number>();
  const pending = new Map<string, Fetch>();
  let skipped = 0;
  const tally = (key: string): PrefixTally => {
    const prefix = prefixOf(key);
    const name = prefixes.has(prefix) || prefixes.size < MOST_PREFIXES ? prefix : OTHERS;
    const found = prefixes.get(name) ?? { reads: 0, hits: 0, misses: 0, expired: 0, sets: 0, evicted: 0 };
    prefixes.set(name, found);
    return found;
  };
  const count = ({ key, status }: Fetch) => {
    const counts = tally(key);
    counts.reads += 1;
    if (status === 'found') counts.hits += 1;
    else counts.misses += 1;
    if (status === 'expired') counts.expired += 1;
    keys.set(key, (keys.get(key) ?? 0) + 1);
  };
  for (const line of lines) {
    skipped += Number(/^\[skipped: (\d{1,12})\]/.exec(line)?.[1] ?? 0);
    const { type, key, status, cfd = '' } = fieldsOf(line);
    if (key === undefined) continue;
    const before = pending.get(cfd);
    if (type === 'item_get') {
      if (before) count(before);
      pending.set(cfd, { key, status: status ?? '' });
    } else if (type === 'item_store') {
      if (before && before.key !== key) count(before);
      pending.delete(cfd);
      tally(key).sets += 1;
    } else if (type === 'eviction') tally(key).evicted += 1;
  }
  for (const fetch of pending.values()) count(fetch);
  const [hot] = [...keys].sort(([, a], [, b]) => b - a);
  return {
    seconds,
    lines: lines.length,
    skipped,
    prefixes,
    ...(hot ? { hot: { prefix: prefixOf(hot[0]), reads: hot[1] } } : {}),
  };
}

interface Fetch {
  readonly key: string;
  readonly status: string;
}

/** `ts=1.2 gid=3 type=item_get key=foo%3A1 status=found …` */
function fieldsOf(line: string): Record<string, string | undefined> {
  return Object.fromEntries(
    line.split(' ').flatMap((word) => {
      const at = word.indexOf('=');
      return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : [];
    }),
  );
}

/**
 * What keys of one kind have in common: the text before the first `:`, `/` or digit. Django writes
 * `prefix:version:key`, where what comes after the version tells more. A key that is one long word may be a session's
 * secret, and is none.
 */
export function prefixOf(key: string): string {
  const text = decoded(key);
  const [, site = '', rest = text] = /^([^:/]*):\d{1,4}:(.+)$/s.exec(text) ?? [];
  const word = /^[:/]*([^:/\d]*)/.exec(rest)?.[1] ?? '';
  const whole = word === rest;
  const name = [site, whole && word.length > LONGEST_PREFIX ? '' : word].filter(Boolean).join(':');
  const shown = redactText(plain(name, LONGEST_PREFIX));
  return shown === '' ? '(no prefix)' : shown;
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
