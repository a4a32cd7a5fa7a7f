import { setImmediate } from 'node:timers/promises';
import { WarroomError } from '../../errors/catalogue.ts';
import { sh } from '../../targets/command.ts';
import type { CollectContext, Timed } from '../contract.ts';
import { pathOf, plain } from '../rate.ts';
import { redactLocation } from '../redact.ts';
import { explainFailure, logCommand } from './command.ts';
import { type LogRecord, type LogWindow, summed } from './log-window.ts';
import { collectStat } from './stat.ts';

export interface LogSnapshot {
  /** Whether varnishncsa knows -j; asked once. */
  readonly json: boolean;
  /** Oldest first, of the last minute. */
  readonly windows: readonly LogWindow[];
}

const WINDOW_S = 4;
const PER_SECOND = 1000;
const KEPT_MS = 60_000;
const MAX_BYTES = 4 * 1024 * 1024;
const SLICE = 200;
/** Above this part of the limit some second was surely cut. */
const LIMITED_FROM = 0.75;
/** Records of our own requests in one window: at most some 20 requests, each told by client and backend. */
const MOST_OURS = 60;
/** As all our own requests call themselves. */
const OURS = /^warroom(\/|$)/i;

/**
 * Field by field what is asked of varnishncsa. Queries, cookies and credentials are not: of those the first word
 * tells that they are there, and only that is kept.
 */
const FIELDS = {
  side: '%{Varnish:side}x',
  handling: '%{Varnish:handling}x',
  micros: '%D',
  status: '%s',
  method: '%m',
  path: '%U',
  host: '%{Host}i',
  location: '%{Location}o',
  cacheControl: '%{Cache-Control}o',
  vary: '%{Vary}o',
  setCookie: '%{VSL:BerespHeader:Set-Cookie[1]}x',
  cookie: '%{VSL:BereqHeader:Cookie[1]}x',
  authorization: '%{VSL:BereqHeader:Authorization[1]}x',
  ttl: '%{VSL:TTL[2]}x',
  agent: '%{User-Agent}i',
  forwarded: '%{X-Forwarded-For}i',
  address: '%h',
} as const;
type Raw = Partial<Record<keyof typeof FIELDS, string>>;
const NAMES = Object.keys(FIELDS) as (keyof typeof FIELDS)[];

export function logFormat(json: boolean): string {
  return json
    ? `{${NAMES.map((name) => `"${name}":"${FIELDS[name]}"`).join(',')}}`
    : NAMES.map((name) => FIELDS[name]).join('\t');
}

export async function collectLog(
  context: CollectContext,
  previous: Timed<LogSnapshot> | undefined,
): Promise<LogSnapshot> {
  const json = previous?.snapshot.json ?? (await knowsJson(context));
  const window = await readWindow(context, WINDOW_S, json);
  // Silence may be that of a quiet site or of a dead varnishd.
  if (window.requests === 0) await collectStat(context, undefined);
  // Those from before our clock was set back would stay for as long as it was set.
  const kept = (previous?.snapshot.windows ?? []).filter((one) => Math.abs(window.at - one.at) < KEPT_MS);
  return { json, windows: [...kept, window] };
}

/** One bounded look at the log as it is written from now on. */
export async function readWindow(
  context: CollectContext,
  seconds: number,
  json: boolean,
): Promise<LogWindow> {
  const { target, place, signal } = context;
  const command = logCommand(place, { seconds, perSecond: PER_SECOND, format: logFormat(json), json });
  const output = await target.exec(command, {
    signal,
    maxBytes: MAX_BYTES,
    timeoutMs: seconds * 1000 + 3000,
  });
  // `timeout` ends it with 124: that is how a window closes.
  if (output.status !== 124 && output.status !== 0)
    throw await explainFailure(context, 'varnishncsa', output);
  const records = await parseInSlices(output.stdout, json, target.name, output.cut);
  const limited = output.cut || records.length >= PER_SECOND * seconds * LIMITED_FROM;
  return summed(records, { at: Date.now(), seconds, limited });
}

export async function knowsJson({ target, signal }: CollectContext): Promise<boolean> {
  const { stdout } = await target.read(
    sh`$(command -v varnishncsa || command -v vinylncsa || echo varnishncsa) -V 2>&1 | head -n 1`,
    { signal },
  );
  const major = Number(/varnish-(\d+)\./.exec(stdout)?.[1] ?? Number.NaN);
  // A name without a number we know is a newer one.
  return Number.isNaN(major) || major >= 7;
}

/** Lines of varnishncsa. One broken line is left out (a request may hold anything); many are a BAD_ANSWER. */
export function parseLog(text: string, json: boolean, target: string, cut = false): LogRecord[] {
  const lines = linesOf(text, cut);
  return visitorsOnly(
    checked(
      lines.map((line) => parseLine(line, json)),
      target,
    ),
  );
}

/** The same, letting others have their turn after each slice: a busy window is thousands of lines. */
async function parseInSlices(
  text: string,
  json: boolean,
  target: string,
  cut: boolean,
): Promise<LogRecord[]> {
  const lines = linesOf(text, cut);
  const parsed: (LogRecord | undefined)[] = [];
  for (let i = 0; i < lines.length; i += SLICE) {
    for (const line of lines.slice(i, i + SLICE)) parsed.push(parseLine(line, json));
    await setImmediate();
  }
  return visitorsOnly(checked(parsed, target));
}

/**
 * Our own requests are no visitors. They are few: where more come under our name than we ever send, somebody else
 * uses it, and is not to hide behind it.
 */
function visitorsOnly(records: readonly LogRecord[]): LogRecord[] {
  const visitors = records.filter((record) => !record.ours);
  return records.length - visitors.length > MOST_OURS ? [...records] : visitors;
}

function linesOf(text: string, cut: boolean): string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return cut ? lines.slice(0, -1) : lines;
}

/** Undefined for a line that is not as it was asked for. */
function parseLine(line: string, json: boolean): LogRecord | undefined {
  try {
    return toRecord(json ? fromJson(line) : fromTabs(line));
  } catch {
    return undefined;
  }
}

function checked(parsed: readonly (LogRecord | undefined)[], target: string): LogRecord[] {
  const records = parsed.filter((record) => record !== undefined);
  const broken = parsed.length - records.length;
  if (broken > 1 && broken > parsed.length / 10)
    throw new WarroomError('BAD_ANSWER', {
      target,
      expected: 'a log of varnishncsa',
      problem: `${broken} of ${parsed.length} lines are not as they were asked for`,
    });
  return records;
}

function fromJson(line: string): Raw {
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('no object');
  const raw: Raw = {};
  for (const name of NAMES) {
    const value: unknown = Reflect.get(parsed, name);
    if (typeof value === 'string') raw[name] = value;
  }
  return raw;
}

function fromTabs(line: string): Raw {
  const cells = line.split('\t');
  if (cells.length !== NAMES.length) throw new TypeError(`${cells.length} fields`);
  return Object.fromEntries(NAMES.map((name, i) => [name, cells[i] === '-' ? '' : cells[i]]));
}

function toRecord(raw: Raw): LogRecord | undefined {
  const micros = Number(raw.micros);
  const status = Number(raw.status);
  if (raw.side !== 'c' && raw.side !== 'b') return undefined;
  if (!Number.isFinite(micros) || micros < 0 || raw.path === undefined) return undefined;
  const shown = (text: string | undefined) => (text === undefined || text === '' ? undefined : plain(text));
  const location = shown(raw.location === undefined ? undefined : redactLocation(raw.location));
  const cacheControl = shown(raw.cacheControl);
  const vary = shown(raw.vary);
  return {
    client: raw.side === 'c',
    ours: OURS.test(raw.agent ?? ''),
    handling: raw.handling ?? '',
    seconds: micros / 1e6,
    status: Number.isInteger(status) && status >= 0 && status < 1000 ? status : 0,
    method: plain(raw.method ?? '', 16),
    host: plain((raw.host ?? '').replace(/^.*@/s, ''), 80),
    path: pathOf(raw.path),
    setCookie: Boolean(raw.setCookie),
    cookie: Boolean(raw.cookie),
    authorization: Boolean(raw.authorization),
    ...(location === undefined ? {} : { location }),
    ...(cacheControl === undefined ? {} : { cacheControl }),
    ...(vary === undefined ? {} : { vary }),
    ...(raw.ttl === undefined || raw.ttl === '' ? {} : { ttl: Number(raw.ttl) }),
    network: networkOf(clientOf(raw.forwarded, raw.address)),
  };
}

/**
 * The rightmost address that is not one of our own proxies': what stands left of it was written by whoever asked, and
 * a hundred invented networks must not look like a hundred visitors.
 */
function clientOf(forwarded: string | undefined, address: string | undefined): string {
  const chain = [...(forwarded ?? '').split(','), address ?? ''].map((one) => one.trim()).filter(Boolean);
  return chain.findLast((one) => !PRIVATE.test(one)) ?? chain.at(-1) ?? '';
}

/** RFC 1918, RFC 4193, loopback and link-local. */
const PRIVATE = /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|::1$|f[cd]|fe80)/i;

/** The /24 or /48 of an address; who exactly asked is not kept. */
function networkOf(address: string): string {
  if (address.includes(':')) return address.split(':').slice(0, 3).join(':').slice(0, 40);
  return address.split('.').slice(0, 3).join('.').slice(0, 40);
}
