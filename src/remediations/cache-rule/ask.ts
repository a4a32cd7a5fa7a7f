import { setTimeout } from 'node:timers/promises';
import { redactLocation } from '../../checks/redact.ts';
import type { ServiceOf } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import { type HttpAnswer, httpGet } from '../../targets/http-get.ts';
import { socketAddress } from '../../targets/stream.ts';
import type { PlanContext, Refusal } from '../contract.ts';
import { until } from '../steps/wait.ts';
import { type CacheRuleParams, falls, matchesOf } from './params.ts';
import { locationPattern, type Redirect } from './vcl.ts';

const TRIED = 4;
const TRIES = 4;
const AGAIN_MS = 500;
const ENOUGH = 2;
const MOMENT_MS = 1_500;
const ASK_MS = 6_000;
/** A visitor's cookie for our second request; no application knows it. */
const COOKIE = 'sessionid=warroom; csrftoken=warroom';
const PERMANENT: readonly number[] = [301, 308];

/** One URL as our own clean request got it: without a cookie, and with one. */
export interface Tried {
  readonly path: string;
  readonly plain: HttpAnswer;
  readonly withCookie: HttpAnswer;
}

/** The names that the service is known by: no request under another Host header is touched or trusted. */
export function hostsOf(stack: Stack, service: ServiceOf<'varnish'>): string[] {
  const written = [
    ...stack.config.sites,
    new URL(service.url).hostname,
    ...(service.address === undefined ? [] : [service.address.replace(/:\d+$/, '')]),
    ...service.on.map((host) => stack.hosts.get(host)?.address ?? host),
  ];
  return [...new Set(written.map((host) => host.toLowerCase()))].filter((host) =>
    /^[a-z0-9.:-]+$/.test(host),
  );
}

/** Examples under the rule: exact URLs themselves, those that the wish names, and the hottest of the log. */
export function examplesOf(params: CacheRuleParams, context: Pick<PlanContext, 'seen'>): string[] {
  const matches = matchesOf(params);
  const exact = matches.filter((match) => match.kind === 'exact').map((match) => match.path);
  const named = (params.paths ?? []).filter((path) => falls(path, matches));
  const logged = loggedUrls(params.service, context)
    .map((row) => row.path)
    .filter((path) => /^\/[A-Za-z0-9/_.~%-]*$/.test(path) && falls(path, matches));
  const all = [...new Set([...exact, ...named, ...logged])];
  // A synthetic answer is made for each URL, so each is asked for.
  return params.form === 'synth' || params.synthetic ? exact : all.slice(0, TRIED);
}

interface LoggedUrl {
  readonly path: string;
  readonly statuses: Readonly<Record<string, number>>;
}

export function loggedUrls(service: string, context: Pick<PlanContext, 'seen'>): LoggedUrl[] {
  const facts = context.seen.facts<{ log: { urls: readonly LoggedUrl[] } }>(service);
  return [...facts.values()].flatMap((one) => one.log?.urls ?? []);
}

/**
 * Our own requests, with and without a cookie. The rule is wanted most where the application is overloaded, and there
 * many requests fail: a failure says nothing of the URL, so it is asked for again, and left out if that stays so.
 */
export async function tryAll(
  params: CacheRuleParams,
  service: ServiceOf<'varnish'>,
  context: PlanContext,
): Promise<Tried[]> {
  const examples = examplesOf(params, context);
  const each = params.form === 'synth' || params.synthetic;
  const told: Tried[] = [];
  const all = Promise.all(
    examples.map(async (path) => {
      const [plain, withCookie] = await Promise.all([
        askUntilTold(path, service, context),
        askUntilTold(path, service, context, COOKIE),
      ]);
      if (plain && withCookie) told.push({ path, plain, withCookie });
    }),
  );
  // Visitors wait for the rule: where the application is slow, two that are known and a moment for the rest will do.
  const done = new AbortController();
  const some = each ? all : someTold(told, AbortSignal.any([context.signal, done.signal]));
  await Promise.race([all, some]).finally(() => done.abort());
  // A synthetic answer is made for each URL, so each must be known; of a pattern, some are enough.
  const enough = each ? examples.length : Math.min(1, examples.length);
  if (told.length < enough)
    throw new WarroomError('BAD_ANSWER', {
      target: params.service,
      expected: `a redirect or a page for ${examples.join(', ')}`,
      problem: 'our own requests failed or were not answered in time, several times',
    });
  // In the order of asking, not of answering: the plan's hash covers it.
  return [...told].sort((a, b) => examples.indexOf(a.path) - examples.indexOf(b.path));
}

async function someTold(told: readonly Tried[], signal: AbortSignal): Promise<void> {
  await until(signal, 50, async () => (told.length >= ENOUGH ? true : undefined));
  await setTimeout(MOMENT_MS, undefined, { signal });
}

async function askUntilTold(
  path: string,
  service: ServiceOf<'varnish'>,
  context: PlanContext,
  cookie?: string,
): Promise<HttpAnswer | undefined> {
  for (let tries = 1; tries <= TRIES; tries++) {
    if (tries > 1) await setTimeout(AGAIN_MS, undefined, { signal: context.signal });
    try {
      const answer = await ask(path, service, context, cookie);
      if (answer.status < 500) return answer;
    } catch (thrown) {
      if (context.signal.aborted) throw thrown;
    }
  }
  return undefined;
}

export function ask(
  path: string,
  service: ServiceOf<'varnish'>,
  context: PlanContext,
  cookie?: string,
): Promise<HttpAnswer> {
  const [host = ''] = service.on;
  const address = service.address ?? `${context.stack.hosts.get(host)?.address ?? '127.0.0.1'}:80`;
  return httpGet(
    context.targets.reading(host),
    socketAddress(address.includes(':') ? address : `${address}:80`),
    {
      path,
      host: new URL(service.url).host,
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(ASK_MS)]),
      ...(cookie === undefined ? {} : { cookie }),
    },
  );
}

/** What the answers to our own requests forbid. */
export function judgeTried(
  params: CacheRuleParams,
  tried: readonly Tried[],
  hosts: readonly string[],
): Refusal | undefined {
  if (tried.length === 0)
    return {
      refused: 'No URL under the pattern is known that our own request could try.',
      mend: 'Name some:  paths=/legacy/1,/legacy/2',
    };
  for (const { path, plain, withCookie } of tried) {
    const problem = wrongAnswer(params, path, plain, hosts);
    if (problem) return { refused: `Our own request for ${path} ${problem}` };
    if (!alike(params, plain, withCookie))
      return {
        refused: `Our own request for ${path} got another answer with a cookie than without: it is not the same for everybody.`,
      };
  }
  return undefined;
}

function wrongAnswer(
  params: CacheRuleParams,
  path: string,
  answer: HttpAnswer,
  hosts: readonly string[],
): string | undefined {
  if (params.form === 'not-found')
    return answer.status === 404 || answer.status === 410 ? undefined : `got ${answer.status}, not 404.`;
  if (params.form !== 'ttl' && params.form !== 'synth')
    return answer.status === 200 ? undefined : `got ${answer.status}, not 200.`;
  if (!PERMANENT.includes(answer.status)) return `got ${answer.status}, not a permanent redirect.`;
  if (!answer.location || !/^[!-~]+$/.test(answer.location) || !allowed(answer.location, hosts))
    return `is sent to ${goalOf(answer)}, which is not one of the sites.`;
  // The plan, and with it the thread, would show it; with ttl it stays inside Varnish.
  if (params.form === 'synth' && /[?#;]/.test(answer.location))
    return `is sent to ${goalOf(answer)}, whose query may be a secret: a rule that answers itself would have to show it. Take form=ttl.`;
  return answer.location === path ? 'is sent to itself.' : undefined;
}

function goalOf({ location }: HttpAnswer): string {
  return location ? redactLocation(location) : 'nowhere';
}

function alike(params: CacheRuleParams, plain: HttpAnswer, withCookie: HttpAnswer): boolean {
  const redirect = params.form === 'ttl' || params.form === 'synth';
  return (
    plain.status === withCookie.status &&
    plain.location === withCookie.location &&
    (redirect || plain.bodyHash === withCookie.bodyHash)
  );
}

export function allowed(location: string, hosts: readonly string[]): boolean {
  // The same pattern as the rule's own; JavaScript has no (?i:…) before ES2025, so the whole is asked in lower case.
  return new RegExp(locationPattern(hosts).replace('(?i:', '(?:')).test(location.toLowerCase());
}

/** The redirects of a synthetic rule, from our own requests; a chain or a loop is refused, and so is a dead end. */
export async function redirectsOf(
  tried: readonly Tried[],
  service: ServiceOf<'varnish'>,
  context: PlanContext,
): Promise<Redirect[] | Refusal> {
  const site = new URL(service.url);
  const urls = new Set(tried.map((one) => one.path));
  const redirects: Redirect[] = [];
  for (const { path, plain } of tried) {
    const goal = new URL(plain.location ?? '', new URL(path, site));
    if (goal.hostname === site.hostname) {
      if (urls.has(goal.pathname))
        return { refused: `${path} is sent to ${goal.pathname}, which the rule answers itself: a loop.` };
      const answer = await askUntilTold(`${goal.pathname}${goal.search}`, service, context);
      if (answer?.status !== 200)
        return {
          refused: `${path} is sent to ${goal.pathname}, which answers ${answer?.status ?? 'nothing'}, not 200.`,
        };
    }
    redirects.push({ url: path, status: plain.status === 308 ? 308 : 301, location: plain.location ?? '' });
  }
  return redirects;
}
