import type { ServiceOf } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import { listVcls, VarnishCli, word } from '../../targets/varnish-cli.ts';
import { canonicalHash, sha256 } from '../canonical.ts';
import {
  defineRemediation,
  type Plan,
  type PlanContext,
  type Refusal,
  type Step,
  type Verify,
} from '../contract.ts';
import { isRefusal } from '../refusal.ts';
import { noActing } from '../steps/acting.ts';
import type { LoadArgs, UseArgs } from '../steps/varnish.ts';
import { compose, type VclRules } from '../vcl-text.ts';
import { hostsOf, judgeTried, loggedUrls, redirectsOf, type Tried, tryAll } from './ask.ts';
import { CacheRuleParams, falls, type Match, matchesOf, overlap, shown } from './params.ts';
import { markerOf, type Redirect, rulesOf, tagOf, vclNameOf } from './vcl.ts';

/** The VCL in use on one host. */
interface Base {
  readonly host: string;
  readonly name: string;
  readonly source: string;
  /** Names of all VCLs that are loaded. */
  readonly names: readonly string[];
}

interface Prepared {
  readonly bases: readonly Base[];
  readonly tried: readonly Tried[];
  readonly redirects: readonly Redirect[];
}

const HOUR_MS = 3_600_000;
/** vcl.show answers at most cli_limit (48 KiB by default); a status of its own says when it was cut. */
const SHOW_OK = 200;

export const cacheRule = defineRemediation<CacheRuleParams, Prepared>({
  id: 'cache-rule',
  summary: 'Keeps redirects, 404s or pages in Varnish, or keeps them out, by a rule for some URLs',
  params: CacheRuleParams,
  same: (params) => `${params.service} ${params.form} ${shownAll(matchesOf(params))}`,
  risk: 'low',
  budget: { runs: 6, perMs: HOUR_MS },
  blockMs: HOUR_MS / 2,
  prepare,
  plan,
  precheck: async (params, prepared, context) => {
    const service = context.stack.service(params.service, 'varnish')?.config;
    if (!service) return [unknownService(params.service)];
    const problem =
      params.form === 'pass'
        ? undefined
        : judgeTried(params, prepared.tried, hostsOf(context.stack, service));
    return [forbidden(params, service, context), problem].filter((one) => one !== undefined);
  },
});

async function prepare(params: CacheRuleParams, context: PlanContext): Promise<Prepared | Refusal> {
  const service = context.stack.service(params.service, 'varnish')?.config;
  if (!service) return unknownService(params.service);
  const bases: Base[] = [];
  for (const host of service.on) {
    const base = await readBase(host, service, context);
    if (isRefusal(base)) return base;
    bases.push(base);
  }
  if (params.form === 'pass') return { bases, tried: [], redirects: [] };
  const tried = await tryAll(params, service, context);
  if (params.form !== 'synth' || judgeTried(params, tried, hostsOf(context.stack, service)))
    return { bases, tried, redirects: [] };
  const redirects = await redirectsOf(tried, service, context);
  return isRefusal(redirects) ? redirects : { bases, tried, redirects };
}

async function readBase(
  host: string,
  service: ServiceOf<'varnish'>,
  context: PlanContext,
): Promise<Base | Refusal> {
  const acting = context.targets.acting(host);
  if (!acting) return noActing(host);
  return VarnishCli.use(acting, service, context.signal, async (cli): Promise<Base | Refusal> => {
    const vcls = await listVcls(cli);
    const active = vcls.find((vcl) => vcl.status === 'active');
    if (!active) return { refused: `Varnish on ${host} has no VCL in use.` };
    if (active.label !== undefined && active.state === 'label')
      return { refused: `Varnish on ${host} uses the label ${active.name}; a rule needs a VCL to stand in.` };
    const shownVcl = await cli.ask('vcl.show', word(active.name));
    if (shownVcl.status !== SHOW_OK)
      return {
        refused: `The VCL of ${host} could not be read whole (status ${shownVcl.status}), so it is not built upon.`,
        mend: 'Raise it for the running Varnish:  varnishadm param.set cli_limit 1m',
      };
    return { host, name: active.name, source: shownVcl.body, names: vcls.map((vcl) => vcl.name) };
  });
}

/** What the config or the log of the last minutes forbids, whatever our own requests got. */
function forbidden(
  params: CacheRuleParams,
  service: ServiceOf<'varnish'>,
  context: PlanContext,
): Refusal | undefined {
  if (params.form === 'pass') return undefined;
  const matches = matchesOf(params);
  const passed = service.passed.find((pattern) => matches.some((match) => overlap(match, written(pattern))));
  if (passed !== undefined)
    return { refused: `${shown(matches)} meets ${passed}, which the config says must bypass the cache.` };
  const redirectOr404 = params.form === 'ttl' || params.form === 'synth' || params.form === 'not-found';
  const page = loggedUrls(params.service, context).find(
    (row) =>
      redirectOr404 &&
      falls(row.path, matches) &&
      Object.keys(row.statuses).some((status) => status.startsWith('2')),
  );
  if (!page) return undefined;
  return {
    refused: `${page.path} gave a page in the last minutes: visitors of what is under ${shown(matches)} would lose their cookies.`,
  };
}

function plan(
  params: CacheRuleParams,
  prepared: Prepared,
  context: Pick<PlanContext, 'stack' | 'proposalId'>,
): Plan | Refusal {
  const service = context.stack.service(params.service, 'varnish')?.config;
  if (!service) return unknownService(params.service);
  const matches = matchesOf(params);
  const tag = freeTag(tagOf(context.proposalId), prepared.bases);
  const key = canonicalHash({ form: params.form, matches, redirects: prepared.redirects }).slice(0, 12);
  const rules = rulesOf({
    ...{ tag, matches, form: params.form, seconds: params.seconds, synthetic: params.synthetic },
    mark: `warroom ${context.proposalId} ${key}`,
    hosts: hostsOf(context.stack, service),
    redirects: prepared.redirects,
  });
  const steps: { load: Step; use: Step }[] = [];
  for (const base of prepared.bases) {
    if (base.source.includes(` ${key} begin`))
      return { refused: `The rule stands in ${base.name} on ${base.host} already.` };
    const made = stepsFor(params.service, base, tag, rules);
    if (isRefusal(made)) return made;
    steps.push(made);
  }
  const lasting = params.form === 'ttl' || params.form === 'not-found';
  return {
    title: titleOf(params, matches),
    effect: 'cure',
    risk: params.form === 'ttl' || params.form === 'synth' || params.form === 'not-found' ? 'low' : 'medium',
    steps: [...steps.map((one) => one.load), ...steps.map((one) => one.use)],
    replaces: canonicalHash(prepared.bases.map((base) => [base.host, base.name, sha256(base.source)])),
    expects: `${expectation(params)}${lasting ? ' Each URL asks the app once more; clients keep it for 60 s, until the rule was kept for 24 h.' : ''} Lost when Varnish restarts.`,
    undo: `${prepared.bases.map((base) => `${base.host}: vcl.use ${base.name}`).join(', ')}, and a ban of what the rule kept; by itself when it is not better within 30 s.`,
    verify: verifyOf(params, context.stack),
    patch: {
      file: service.file,
      text:
        rules.tail === ''
          ? rules.front
          : `# Behind the "vcl 4.1;" line:\n${rules.front}\n\n# At the end:\n${rules.tail}`,
    },
    target: params.service,
  };
}

/** A store that was begun anew counts its incidents anew: a VCL of an earlier one may bear the name. */
function freeTag(tag: string, bases: readonly Base[]): string {
  const taken = (name: string) => bases.some((base) => base.names.includes(name));
  let free = tag;
  for (let i = 2; taken(vclNameOf(free)); i++) free = `${tag}x${i}`;
  return free;
}

function stepsFor(
  service: string,
  base: Base,
  tag: string,
  rules: VclRules,
): { load: Step; use: Step } | Refusal {
  const source = compose(base.source, rules);
  if (source === undefined)
    return { refused: `The VCL of ${base.host} does not begin with a version line ("vcl 4.1;").` };
  const load: LoadArgs = {
    ...{ service, name: vclNameOf(tag), base: base.name, baseSha: sha256(base.source) },
    ...{ front: rules.front, tail: rules.tail, sourceSha: sha256(source) },
  };
  const use: UseArgs = { service, name: vclNameOf(tag), old: base.name, marker: markerOf(tag) };
  return {
    load: { type: 'varnish.load', version: 1, target: base.host, args: load },
    use: { type: 'varnish.use', version: 1, target: base.host, args: use },
  };
}

function titleOf(params: CacheRuleParams, matches: readonly Match[]): string {
  const urls = shown(matches);
  switch (params.form) {
    case 'ttl':
      return `Keep ${urls} redirects in Varnish for a year`;
    case 'synth':
      return `Answer the redirects of ${urls} in Varnish itself`;
    case 'not-found':
      return params.synthetic
        ? `Answer 404 for ${urls} in Varnish itself`
        : `Keep the 404s of ${urls} in Varnish for 60 s`;
    case 'url-ttl':
      return `Keep ${urls} in Varnish for ${params.seconds} s`;
    case 'pass':
      return `Never answer ${urls} from the cache`;
    case 'unset-set-cookie':
      return `Cache ${urls}: drop the cookie that the app sets on them`;
    case 'unset-vary':
      return `Cache ${urls}: drop the Vary header that splits them`;
    default:
      return params.form satisfies never;
  }
}

/** Figures of a site that burns move by a tenth from one half minute to the next without any help. */
const LEAST_GAIN = 0.1;
/** Nobody foretold what it takes away, so only a gain that is no accident counts. */
const UNFORETOLD_GAIN = 0.2;

function leastBusyGain(params: CacheRuleParams): number {
  return params.share === undefined ? UNFORETOLD_GAIN : LEAST_GAIN;
}

/** Half of what the rule should take away; less than a tenth is no success. */
function gainOf(params: CacheRuleParams): number {
  return params.share === undefined ? UNFORETOLD_GAIN : Math.max(LEAST_GAIN, params.share / 2);
}

function expectation(params: CacheRuleParams): string {
  if (params.form === 'pass')
    return 'These pages come fresh from the app each time; visitors notice nothing else.';
  const share =
    params.share === undefined
      ? ''
      : `About ${Math.round(params.share * 100)} % of the requests to the app go away. `;
  return `${share}Requests to the app at least ${Math.round(gainOf(params) * 100)} % lower, and its busy time at least ${Math.round(leastBusyGain(params) * 100)} %, for the same visitors.`;
}

function verifyOf(params: CacheRuleParams, stack: Stack): Verify {
  const visitors = stack.entry()?.name ?? params.service;
  const per = { metric: 'visitors.requests', target: visitors };
  const common = { settleMs: 5_000, windowMs: 25_000, minimumTraffic: { ...per, value: 1 } };
  if (params.form === 'pass')
    return {
      ...{ mode: 'all', ...common },
      goals: [
        {
          name: 'errors',
          unit: 'share',
          metric: 'visitors.error_share',
          target: visitors,
          direction: 'down',
          minimumGain: 0,
          notWorseBy: 0.01,
        },
        {
          name: 'p95',
          unit: 's',
          metric: 'visitors.p95',
          target: visitors,
          direction: 'down',
          minimumGain: 0,
          notWorseBy: 0.2,
          enough: stack.config.launch.p95,
        },
      ],
    };
  const app = appBelow(params.service, stack);
  return {
    ...{ mode: 'all', ...common },
    goals: [
      {
        name: 'requests to the app, per visitor’s request',
        unit: 'count',
        metric: 'varnish.backend_requests',
        target: params.service,
        per,
        direction: 'down',
        minimumGain: gainOf(params),
      },
      ...(app === undefined
        ? []
        : [
            {
              name: 'busy time of the app, per visitor’s request',
              unit: 's',
              metric: 'uwsgi.busy_seconds',
              target: app,
              per,
              direction: 'down',
              minimumGain: leastBusyGain(params),
            } as const,
          ]),
    ],
  };
}

function appBelow(service: string, stack: Stack): string | undefined {
  const queue = stack.below(service);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (stack.services.get(next)?.kind === 'uwsgi') return next;
    queue.push(...stack.below(next));
  }
  return undefined;
}

function written(pattern: string): Match {
  return pattern.endsWith('*')
    ? { kind: 'prefix', path: pattern.slice(0, -1) }
    : { kind: 'exact', path: pattern };
}

function shownAll(matches: readonly Match[]): string {
  return matches
    .map((match) => `${match.kind} ${match.path}`)
    .sort()
    .join(' ');
}

function unknownService(name: string): Refusal {
  return { refused: `There is no varnish service ${name} in the config.` };
}
