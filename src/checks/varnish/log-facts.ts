import type { GroupRow, LogFacts, Reason, UrlRow } from './facts.ts';
import { addTally, groupOf, newTally } from './log-tally.ts';
import {
  addPart,
  dearest,
  type GroupSums,
  type LogWindow,
  newPart,
  type UrlSums,
  urlId,
} from './log-window.ts';
import { notFoundRows } from './not-found.ts';

const URLS_SHOWN = 300;
const GROUPS_SHOWN = 100;
const EXAMPLES = 3;

/** The windows of the last minute as one table of URLs and one of groups. */
export function logFacts(windows: readonly LogWindow[]): LogFacts {
  const total = (value: (window: LogWindow) => number) =>
    windows.reduce((sum, window) => sum + value(window), 0);
  const groups = mergeGroups(windows);
  const urls = mergeUrls(windows);
  const missing = newPart();
  for (const group of groups) addPart(missing, group.missing);
  return {
    seconds: total((window) => window.seconds),
    requests: total((window) => window.requests),
    limited: windows.some((window) => window.limited),
    backendRequests: total((window) => window.backendRequests),
    backendSeconds: total((window) => window.backendSeconds),
    permanent: {
      backendRequests: groups.reduce((sum, group) => sum + group.permanent.backendRequests, 0),
      backendSeconds: groups.reduce((sum, group) => sum + group.permanent.backendSeconds, 0),
    },
    urls: dearest(urls, URLS_SHOWN).map(urlRow),
    groups: dearest(groups, GROUPS_SHOWN).map(groupRow),
    missing,
    notFound: notFoundRows(urls, groups),
  };
}

function mergeUrls(windows: readonly LogWindow[]): UrlSums[] {
  const merged = new Map<string, UrlSums>();
  for (const row of windows.flatMap((window) => window.urls)) {
    const id = urlId(row);
    const known = merged.get(id);
    if (!known) {
      merged.set(id, { ...row, statuses: { ...row.statuses } });
      continue;
    }
    addTally(known, row);
    known.setCookies += row.setCookies;
    known.cookies += row.cookies;
    known.authorizations += row.authorizations;
    known.noTtl += row.noTtl;
    known.permanents += row.permanents;
    known.permanentSeconds += row.permanentSeconds;
    known.notFounds += row.notFounds;
    known.notFoundSeconds += row.notFoundSeconds;
    if (row.location !== undefined) known.location = row.location;
    if (row.cacheControl !== undefined) known.cacheControl = row.cacheControl;
    if (row.vary !== undefined) known.vary = row.vary;
  }
  return [...merged.values()];
}

function mergeGroups(windows: readonly LogWindow[]): GroupSums[] {
  const merged = new Map<string, GroupSums>();
  for (const row of windows.flatMap((window) => window.groups)) {
    const known = merged.get(row.group) ?? {
      ...newTally(),
      group: row.group,
      paths: new Map<string, number>(),
      networks: new Set<string>(),
      permanent: newPart(),
      missing: newPart(),
    };
    merged.set(row.group, known);
    addTally(known, row);
    for (const [path, weight] of row.paths) known.paths.set(path, (known.paths.get(path) ?? 0) + weight);
    for (const network of row.networks) known.networks.add(network);
    addPart(known.permanent, row.permanent);
    addPart(known.missing, row.missing);
  }
  return [...merged.values()];
}

function urlRow(row: UrlSums): UrlRow {
  const { setCookies, cookies, authorizations, noTtl, permanents, permanentSeconds, ...more } = row;
  const { notFounds, notFoundSeconds, ...rest } = more;
  const [status = '0'] = Object.entries(row.statuses).sort((a, b) => b[1] - a[1])[0] ?? [];
  return {
    ...rest,
    group: groupOf(row.path),
    status: Number(status),
    setCookie: setCookies > 0,
    reason: reasonOf(row, Number(status)),
  };
}

function groupRow({ paths, networks, missing, ...row }: GroupSums): GroupRow {
  const examples = [...paths].sort((a, b) => b[1] - a[1]).slice(0, EXAMPLES);
  return { ...row, urls: paths.size, examples: examples.map(([path]) => path), clients: networks.size };
}

/**
 * What keeps a URL out of the cache, by what was seen. A response that forbids storing comes first: without its
 * consent neither a cookie nor Vary would be the one thing to mend.
 */
export function reasonOf(row: UrlSums, status: number): Reason {
  if (row.misses + row.passes + row.pipes + row.backendRequests === 0)
    return row.synths > 0 ? 'synth' : 'hit';
  if (row.pipes > row.misses + row.passes) return 'pipe';
  if (row.method !== 'GET' && row.method !== 'HEAD') return 'method';
  const header = row.cacheControl ?? '';
  if (/\b(no-store|private|no-cache)\b/i.test(header)) return 'no-store';
  if (status >= 500) return 'error';
  if (row.setCookies > 0) return 'set-cookie';
  if (row.passes > row.misses) {
    if (row.authorizations > 0) return 'authorization';
    return row.cookies > 0 ? 'cookie' : 'pass';
  }
  if (/\b(s-maxage|max-age)=0\b/i.test(header) || row.noTtl > 0) return 'ttl-0';
  if (row.vary !== undefined && /\*|cookie|user-agent|authorization/i.test(row.vary)) return 'vary';
  return row.hits === 0 &&
    row.misses > 1 &&
    /\S/.test(row.vary ?? '') &&
    !/^accept-encoding$/i.test(row.vary ?? '')
    ? 'vary'
    : 'cold';
}
