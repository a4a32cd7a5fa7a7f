import type { NotFoundRow } from './facts.ts';
import { groupOf } from './log-tally.ts';
import { type GroupSums, NOT_THERE, type UrlSums } from './log-window.ts';

const ROWS_SHOWN = 50;
const EXAMPLES = 3;
/** What was asked for once is not worth a rule. */
const ASKED = 2;

/**
 * What of the pages that are not there Varnish could answer: whole first parts of the path under which nothing else
 * was given in the window, and single URLs elsewhere. A failing backend says nothing about what is there.
 */
export function notFoundRows(urls: readonly UrlSums[], groups: readonly GroupSums[]): NotFoundRow[] {
  const reached = urls.filter((row) => row.notFounds > 0 && isGet(row) && isWhole(row.path));
  const empty = new Set(
    groups
      .filter((group) => group.group.endsWith('/*') && isWhole(group.group) && onlyMissing(group.statuses))
      .map((group) => group.group),
  );
  const prefixes = groups
    .filter((group) => empty.has(group.group) && group.missing.backendRequests > 0)
    .map((group): NotFoundRow => {
      const own = reached.filter((row) => groupOf(row.path) === group.group);
      return {
        kind: 'prefix',
        path: group.group.slice(0, -1),
        ...group.missing,
        urls: group.paths.size,
        examples: dearestFirst(own).map((row) => row.path),
        ...cacheControlOf(own),
      };
    });
  // On another host, or with another method, the same path may be a page.
  const given = new Set(urls.filter(({ statuses }) => hasPage(statuses)).map((row) => row.path));
  const exact = reached
    .filter((row) => !empty.has(groupOf(row.path)) && !given.has(row.path))
    .filter((row) => onlyMissing(row.statuses) && row.notFounds >= ASKED)
    .map(
      (row): NotFoundRow => ({
        kind: 'exact',
        path: row.path,
        requests: row.requests,
        backendRequests: row.notFounds,
        backendSeconds: row.notFoundSeconds,
        urls: 1,
        examples: [row.path],
        ...cacheControlOf([row]),
      }),
    );
  return [...prefixes, ...exact]
    .sort((a, b) => b.backendRequests - a.backendRequests || b.backendSeconds - a.backendSeconds)
    .slice(0, ROWS_SHOWN);
}

/** No page was given, and nothing was sent elsewhere: not even by a hit. */
function onlyMissing(statuses: Readonly<Record<string, number>>): boolean {
  const seen = Object.keys(statuses).map(Number);
  return (
    seen.some((status) => NOT_THERE.has(status)) &&
    seen.every((status) => NOT_THERE.has(status) || status >= 500 || status === 0)
  );
}

function hasPage(statuses: Readonly<Record<string, number>>): boolean {
  return Object.keys(statuses).some((status) => /^[23]/.test(status));
}

function isGet({ method }: UrlSums): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A path of which a part was left out would match nothing, or something else. */
function isWhole(path: string): boolean {
  return !/[…·]/.test(path);
}

function dearestFirst(rows: readonly UrlSums[]): UrlSums[] {
  return [...rows].sort((a, b) => b.notFounds - a.notFounds).slice(0, EXAMPLES);
}

function cacheControlOf(rows: readonly UrlSums[]): { cacheControl?: string } {
  const found = rows.find((row) => row.cacheControl !== undefined)?.cacheControl;
  return found === undefined ? {} : { cacheControl: found };
}
