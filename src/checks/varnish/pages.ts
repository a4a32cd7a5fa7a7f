import { reason, WarroomError } from '../../errors/catalogue.ts';
import { figure } from '../../message/figures.ts';
import type { CollectContext, Measured, Timed } from '../contract.ts';
import { pause } from '../pause.ts';
import { matches } from './checks/shared.ts';
import type { PageAnswer, PageLook, VarnishFacts } from './facts.ts';
import { type CleanAnswer, cleanRequest } from './probes.ts';

/** What our own requests found, of this round and of those before it that asked for other URLs. */
export interface PagesSnapshot {
  readonly round: number;
  readonly looks: readonly PageLook[];
}

/** URLs asked for in one round, each three times; where the config names more, they take turns. */
const URLS_A_ROUND = 6;
/** Between two requests; and between two for one URL where only its Age, of whole seconds, tells. */
const SPACE_MS = 150;
const AGAIN_MS = 1_200;
const KEPT_MS = 15 * 60_000;
const FAILURES = 2;
/** A page that takes longer is not asked for again in this round; after so long no page is. */
const SLOW_MS = 2_000;
const PATIENCE_MS = 15_000;
/** For all requests of a round. */
export const DEADLINE_MS = 25_000;
/** A GET should change nothing; that is not relied upon. */
const MAY_CHANGE =
  /\b(log-?(out|off)|sign-?(out|off)|delete|remove|cancel|unsubscribe|buy|add|confirm|pay|checkout|reset|approve|toggle|run)\b/i;

interface Wanted {
  readonly pattern: string;
  readonly kind: PageLook['kind'];
}

interface Asked {
  readonly wanted: Wanted;
  readonly path: string;
  readonly answers: CleanAnswer[];
  slowMs?: number;
}

/** Asks for the URLs that the config calls cached or passed, as visitors do. Throws when Varnish answers none. */
export async function collectPages(
  context: CollectContext,
  previous: Timed<PagesSnapshot> | undefined,
): Promise<PagesSnapshot> {
  const before = previous?.snapshot ?? { round: 0, looks: [] };
  const wanted = wantedOf(context);
  const rows = context.latest?.<VarnishFacts>().log?.urls ?? [];
  // A page that was asked for stays the one of its pattern while nobody visits another.
  const pathBefore = (one: Wanted) => before.looks.find((look) => isSame(look, one))?.path;
  const found = wanted.map((one) => {
    const now = pathFor(one, rows);
    const path = now.path ?? pathBefore(one);
    return path === undefined ? { one, ...now } : { one, path };
  });
  const askable = found.flatMap(({ one, path }) => (path === undefined ? [] : [{ wanted: one, path }]));
  const asked: Asked[] = Array.from({ length: Math.min(URLS_A_ROUND, askable.length) }, (_, i) => ({
    ...(askable[(before.round + i) % askable.length] as (typeof askable)[0]),
    answers: [],
  }));
  const looks: PageLook[] = found.flatMap((one) =>
    'skipped' in one && one.skipped !== undefined
      ? [{ ...one.one, at: Date.now(), skipped: one.skipped, answers: [] }]
      : [],
  );
  const started = Date.now();
  const failures: unknown[] = [];
  for (const visit of VISITS) {
    const began = Date.now();
    for (const one of asked) {
      if (failures.length >= FAILURES) throw failures[0];
      if (one.slowMs !== undefined || Date.now() - started > PATIENCE_MS) continue;
      const sent = Date.now();
      try {
        const args = { path: one.path, ...(visit.other ? { visitor: before.round + 1 } : {}) };
        one.answers.push(await cleanRequest.run(context, args));
      } catch (thrown) {
        if (context.signal.aborted) throw late(context);
        failures.push(thrown);
      }
      // Whoever is this slow has enough to do without us.
      if (Date.now() - sent > SLOW_MS) one.slowMs = Date.now() - sent;
      await space(SPACE_MS, context);
    }
    const left = AGAIN_MS - (Date.now() - began);
    const byAge = asked.some(({ answers: [first] }) => first && isHit(first, undefined).hit === undefined);
    if (byAge && visit !== VISITS.at(-1)) await space(Math.max(0, left), context);
  }
  for (const one of asked) {
    const [, again, other] = told(one.answers);
    if (one.wanted.kind !== 'cached' || !again?.hit || other?.hit !== false) continue;
    await cleanRequest.run(context, { path: one.path }).then(
      (answer) => one.answers.push(answer),
      () => undefined,
    );
  }
  if (failures.length > 0 && asked.every((one) => one.answers.length === 0)) throw failures[0];
  looks.push(
    ...asked.map((one) =>
      one.answers.length >= VISITS.length
        ? { ...one.wanted, path: one.path, at: Date.now(), answers: told(one.answers) }
        : {
            ...one.wanted,
            path: one.path,
            at: Date.now(),
            skipped:
              one.slowMs === undefined
                ? failures.length > 0
                  ? `it did not answer: ${reason(failures[0])}`
                  : 'there was no time for it in this round'
                : `it took ${figure(one.slowMs, 'ms')} to answer, so it was not asked again`,
            answers: [],
          },
    ),
  );
  return { round: before.round + asked.length, looks: [...kept(before.looks, wanted, looks), ...looks] };
}

export function measurePages(
  _previous: Timed<PagesSnapshot> | undefined,
  { snapshot }: Timed<PagesSnapshot>,
): Measured<VarnishFacts> {
  return { readings: [], facts: { pages: snapshot.looks } };
}

function late({ place }: CollectContext): WarroomError {
  return new WarroomError('TARGET_DEADLINE', {
    target: place.target,
    command: 'our own requests',
    timeoutMs: DEADLINE_MS,
  });
}

async function space(ms: number, context: CollectContext): Promise<void> {
  await pause(ms, context.signal).catch(() => {
    throw late(context);
  });
}

const VISITS = [
  { as: 'a visitor', other: false },
  { as: 'the same again', other: false },
  { as: 'another with a cookie', other: true },
] as const;

function wantedOf({ place }: CollectContext): Wanted[] {
  const config = place.stack.service(place.target, 'varnish')?.config;
  if (!config) throw new WarroomError('NOT_FOUND', { kind: 'service', id: place.target, hint: '' });
  return [
    ...config.cached.map((pattern) => ({ pattern, kind: 'cached' as const })),
    ...config.passed.map((pattern) => ({ pattern, kind: 'passed' as const })),
  ];
}

/** Looks of URLs whose turn is another round's. */
function kept(
  before: readonly PageLook[],
  wanted: readonly Wanted[],
  now: readonly PageLook[],
): readonly PageLook[] {
  return before.filter(
    (one) =>
      Math.abs(Date.now() - one.at) < KEPT_MS &&
      wanted.some((other) => isSame(one, other)) &&
      !now.some((other) => isSame(one, other)),
  );
}

function isSame(a: Wanted, b: Wanted): boolean {
  return a.pattern === b.pattern && a.kind === b.kind;
}

interface Row {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly requests: number;
}

/** The URL of a pattern: itself, or for one with a star the most visited page of the last minute that it covers. */
export function pathFor(
  { pattern }: Pick<Wanted, 'pattern'>,
  rows: readonly Row[],
): { path: string; skipped?: undefined } | { path?: undefined; skipped: string } {
  if (!pattern.includes('*')) {
    if (MAY_CHANGE.test(pattern)) return { skipped: 'by its name it may change something' };
    return /^\/[!-~]*$/.test(pattern) ? { path: pattern } : { skipped: 'it is no path' };
  }
  if (pattern.indexOf('*') !== pattern.length - 1) return { skipped: 'a star may stand at its end alone' };
  const visited = rows.filter(
    (row) =>
      row.method === 'GET' &&
      row.status > 0 &&
      row.status < 400 &&
      /^\/[!-~]*$/.test(row.path) &&
      matches(pattern, row.path),
  );
  const safe = visited.filter((row) => !MAY_CHANGE.test(row.path));
  const [most] = [...safe].sort((a, b) => b.requests - a.requests);
  if (most) return { path: most.path };
  return {
    skipped:
      visited.length > 0
        ? 'what was visited under it may change something, so it was not asked for'
        : 'nobody visited a page under it in the last minute',
  };
}

/** The three answers, with whether each came from the cache. */
export function told(answers: readonly CleanAnswer[]): PageAnswer[] {
  return answers.map((answer, i): PageAnswer => {
    const { hit, toldBy } = isHit(answer, answers[i - 1]);
    const { xVarnish, age, cacheControl, vary } = answer;
    return {
      as: VISITS[i]?.as ?? 'the first once more',
      status: answer.status,
      ...(hit === undefined ? {} : { hit }),
      ...(toldBy === undefined ? {} : { toldBy }),
      setCookie: answer.setCookie,
      ...(age === undefined ? {} : { age }),
      ...(xVarnish === undefined ? {} : { xVarnish }),
      ...(cacheControl === undefined ? {} : { cacheControl }),
      ...(vary === undefined ? {} : { vary }),
    };
  });
}

/**
 * X-Varnish carries the id of the request, and on a hit that of the one which fetched the page. Where the VCL takes it
 * out: what it calls a hit itself, else an Age that rose. An Age alone may be that of a cache behind this one.
 */
function isHit(answer: CleanAnswer, before: CleanAnswer | undefined): { hit?: boolean; toldBy?: string } {
  // The last of several is the nearest to the visitor, unless something stands in front: then ours is the first.
  const ids = answer.xVarnish?.split(',')[0]?.trim().split(/\s+/) ?? [];
  if (ids.length > 0 && ids.every((id) => /^\d+$/.test(id)))
    return { hit: ids.length > 1, toldBy: `X-Varnish: ${answer.xVarnish}` };
  if (answer.xHits !== undefined) return { hit: answer.xHits > 0, toldBy: `X-Hits: ${answer.xHits}` };
  if (answer.xCache !== undefined && /hit|miss|pass/i.test(answer.xCache))
    return {
      hit: /hit/i.test(answer.xCache) && !/miss|pass/i.test(answer.xCache),
      toldBy: `X-Cache: ${answer.xCache}`,
    };
  if (answer.age !== undefined && before?.age !== undefined)
    return { hit: answer.age > before.age, toldBy: `Age: ${before.age}, then ${answer.age}` };
  return {};
}
