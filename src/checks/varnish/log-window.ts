import { groupOf, growTally, type MutableTally, newTally } from './log-tally.ts';

/** One request as a client or a backend saw it, already without query, cookies and credentials. */
export interface LogRecord {
  readonly client: boolean;
  /** A request of Warroom's own. */
  readonly ours: boolean;
  readonly handling: string;
  readonly seconds: number;
  readonly status: number;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly setCookie: boolean;
  readonly cookie: boolean;
  readonly authorization: boolean;
  readonly location?: string;
  readonly cacheControl?: string;
  readonly vary?: string;
  readonly ttl?: number;
  readonly network: string;
}

/** What a URL's responses were seen to do, summed over a window. */
export interface UrlSums extends MutableTally {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  location?: string;
  cacheControl?: string;
  vary?: string;
  /** Backend responses that set a cookie, requests that brought one or credentials, lifetimes of 0. */
  setCookies: number;
  cookies: number;
  authorizations: number;
  noTtl: number;
  /** Backend answers with 301 or 308, and their seconds. */
  permanents: number;
  permanentSeconds: number;
  /** Backend answers with 404 or 410, and their seconds. */
  notFounds: number;
  notFoundSeconds: number;
}

/** Requests of one kind of answer. */
export interface Part {
  requests: number;
  backendRequests: number;
  backendSeconds: number;
}

export interface GroupSums extends MutableTally {
  readonly group: string;
  readonly paths: Map<string, number>;
  readonly networks: Set<string>;
  readonly permanent: Part;
  /** 404 and 410. */
  readonly missing: Part;
}

/** One closed look at the log, summed. */
export interface LogWindow {
  readonly at: number;
  readonly seconds: number;
  readonly limited: boolean;
  readonly requests: number;
  readonly errors: number;
  readonly backendRequests: number;
  readonly backendSeconds: number;
  /** Seconds of each client request. */
  readonly durations: readonly number[];
  readonly urls: readonly UrlSums[];
  readonly groups: readonly GroupSums[];
}

const URLS_KEPT = 400;
const GROUPS_KEPT = 200;
const PATHS_KEPT = 2000;
const NETWORKS_KEPT = 500;
const PERMANENT = new Set([301, 308]);
export const NOT_THERE = new Set([404, 410]);

export function summed(
  records: readonly LogRecord[],
  window: Pick<LogWindow, 'at' | 'seconds' | 'limited'>,
): LogWindow {
  const urls = new Map<string, UrlSums>();
  const groups = new Map<string, GroupSums>();
  const durations: number[] = [];
  const totals = newTally();
  for (const record of records) {
    growUrl(urls, record);
    growGroup(groups, record);
    growTally(totals, record);
    if (record.client) durations.push(record.seconds);
  }
  return {
    ...window,
    requests: totals.requests,
    errors: totals.errors,
    backendRequests: totals.backendRequests,
    backendSeconds: totals.backendSeconds,
    durations,
    urls: dearest(urls.values(), URLS_KEPT),
    groups: dearest(groups.values(), GROUPS_KEPT),
  };
}

function growUrl(urls: Map<string, UrlSums>, record: LogRecord): void {
  const { method, host, path } = record;
  const id = urlId(record);
  let row = urls.get(id);
  if (!row) {
    row = {
      ...newTally(),
      method,
      host,
      path,
      setCookies: 0,
      cookies: 0,
      authorizations: 0,
      noTtl: 0,
      permanents: 0,
      permanentSeconds: 0,
      notFounds: 0,
      notFoundSeconds: 0,
    };
    urls.set(id, row);
  }
  growTally(row, record);
  if (record.location !== undefined) row.location = record.location;
  if (record.cacheControl !== undefined) row.cacheControl = record.cacheControl;
  if (record.vary !== undefined) row.vary = record.vary;
  row.setCookies += record.setCookie ? 1 : 0;
  row.cookies += record.cookie ? 1 : 0;
  row.authorizations += record.authorization ? 1 : 0;
  if (!record.client && PERMANENT.has(record.status)) {
    row.permanents += 1;
    row.permanentSeconds += record.seconds;
  }
  if (!record.client && NOT_THERE.has(record.status)) {
    row.notFounds += 1;
    row.notFoundSeconds += record.seconds;
  }
  row.noTtl += record.ttl !== undefined && record.ttl <= 0 ? 1 : 0;
}

function growGroup(groups: Map<string, GroupSums>, record: LogRecord): void {
  const group = groupOf(record.path);
  let row = groups.get(group);
  if (!row) {
    row = {
      ...newTally(),
      group,
      paths: new Map(),
      networks: new Set(),
      permanent: newPart(),
      missing: newPart(),
    };
    groups.set(group, row);
  }
  growTally(row, record);
  if (row.paths.has(record.path) || row.paths.size < PATHS_KEPT)
    row.paths.set(
      record.path,
      (row.paths.get(record.path) ?? 0) + (record.client ? 0 : record.seconds) + 1e-6,
    );
  if (record.client && row.networks.size < NETWORKS_KEPT) row.networks.add(record.network);
  if (PERMANENT.has(record.status)) growPart(row.permanent, record);
  if (NOT_THERE.has(record.status)) growPart(row.missing, record);
}

export function newPart(): Part {
  return { requests: 0, backendRequests: 0, backendSeconds: 0 };
}

function growPart(part: Part, record: LogRecord): void {
  if (record.client) part.requests += 1;
  else {
    part.backendRequests += 1;
    part.backendSeconds += record.seconds;
  }
}

export function addPart(to: Part, from: Part): void {
  to.requests += from.requests;
  to.backendRequests += from.backendRequests;
  to.backendSeconds += from.backendSeconds;
}

/** A URL's key in a map. */
export function urlId(row: Pick<UrlSums, 'method' | 'host' | 'path'>): string {
  return `${row.method} ${row.host}${row.path}`;
}

/** The dearest by backend time, then by requests. */
export function dearest<T extends MutableTally>(rows: Iterable<T>, most: number): T[] {
  return [...rows]
    .sort((a, b) => b.backendSeconds - a.backendSeconds || b.requests - a.requests)
    .slice(0, most);
}
