import { regexEscape, type VclRules, vclString } from '../vcl-text.ts';
import type { CacheRuleParams, Match } from './params.ts';

export interface Redirect {
  readonly url: string;
  readonly status: 301 | 308;
  readonly location: string;
}

export interface RuleInput {
  /** `12a`: names of headers and of the VCL derive from the proposal. */
  readonly tag: string;
  /** A comment, so that the same rule is found again in a VCL that holds it. */
  readonly mark: string;
  readonly form: CacheRuleParams['form'];
  readonly matches: readonly Match[];
  /** Names that the site is known by; no other Host header is touched by the rule. */
  readonly hosts: readonly string[];
  readonly seconds: number;
  readonly synthetic: boolean;
  readonly redirects: readonly Redirect[];
}

/** `12-A` -> `12a` */
export const tagOf = (proposalId: string) => proposalId.toLowerCase().replace(/[^a-z0-9]/g, '');
export const vclNameOf = (tag: string) => `wr_${tag}`;
export const markerOf = (tag: string) => `X-Warroom-${tag}`;

/** The lines of a rule. Pure; every value goes through vclString or regexEscape. */
export function rulesOf(input: RuleInput): VclRules {
  const body = linesOf(input);
  const front = [`# ${input.mark} begin`, ...body.front, `# ${input.mark} end`].join('\n');
  const tail = body.tail.length === 0 ? '' : [`# ${input.mark} tail`, ...body.tail].join('\n');
  return { front, tail };
}

type Lines = { readonly front: readonly string[]; readonly tail: readonly string[] };

function linesOf(input: RuleInput): Lines {
  if (input.form === 'pass') return pass(input);
  if (input.form === 'synth' || input.synthetic) return synthetic(input);
  return kept(input);
}

/** Kept in the cache: the Cookie goes before the VCL's own rules look at it, and what it did not decide is looked up. */
function kept(input: RuleInput): Lines {
  const recv = recvCondition(input);
  const marker = markerOf(input.tag);
  return {
    front: [
      ...sub('vcl_recv', [`if (${recv}) {`, '  unset req.http.Cookie;', '}']),
      ...sub('vcl_backend_response', [
        `unset beresp.http.${marker};`,
        `if (${backendCondition(input)} && ${statusCondition(input)}) {`,
        ...keep(input).map((line) => `  ${line}`),
        '}',
      ]),
      ...sub('vcl_deliver', deliver(input, marker)),
    ],
    tail: sub('vcl_recv', [`if (${recv}) {`, '  return (hash);', '}']),
  };
}

function keep(input: RuleInput): string[] {
  const marked = `set beresp.http.${markerOf(input.tag)} = "1";`;
  switch (input.form) {
    case 'ttl':
      return ['unset beresp.http.Set-Cookie;', marked, 'set beresp.ttl = 365d;', 'return (deliver);'];
    case 'not-found':
      return ['unset beresp.http.Set-Cookie;', marked, 'set beresp.ttl = 60s;', 'return (deliver);'];
    case 'url-ttl':
      return [marked, `set beresp.ttl = ${input.seconds}s;`, 'return (deliver);'];
    case 'unset-set-cookie':
      return [marked, 'unset beresp.http.Set-Cookie;'];
    default:
      // Compressed and plain copies stay apart.
      return [
        marked,
        'if (beresp.http.Vary ~ "(?i)accept-encoding") {',
        '  set beresp.http.Vary = "Accept-Encoding";',
        '} else {',
        '  unset beresp.http.Vary;',
        '}',
      ];
  }
}

function statusCondition(input: RuleInput): string {
  switch (input.form) {
    case 'ttl':
      // A Location that leaves the sites is not kept: a forged header of one visitor must not become everybody's.
      return `(beresp.status == 301 || beresp.status == 308) && beresp.http.Location ~ ${vclString(locationPattern(input.hosts))} && beresp.http.Vary !~ "[*]"`;
    case 'not-found':
      return '(beresp.status == 404 || beresp.status == 410)';
    case 'url-ttl':
      return 'beresp.status == 200 && !beresp.http.Set-Cookie && beresp.http.Cache-Control !~ "(?i)private" && beresp.http.Vary !~ "[*]"';
    default:
      return 'beresp.status == 200 && beresp.http.Cache-Control !~ "(?i)private"';
  }
}

/** Clients keep what Varnish keeps for a year only 60 s: a year in browsers could not be taken back. */
function deliver(input: RuleInput, marker: string): string[] {
  const short = input.form === 'ttl' || input.form === 'not-found';
  return [
    `if (resp.http.${marker}) {`,
    `  unset resp.http.${marker};`,
    ...(short
      ? [
          '  unset resp.http.Age;',
          '  unset resp.http.Expires;',
          '  unset resp.http.Pragma;',
          '  set resp.http.Cache-Control = "public, max-age=60";',
        ]
      : []),
    '}',
  ];
}

/** Answered by Varnish itself. Which answer is a header that no client can set: it is dropped first. */
function synthetic(input: RuleInput): Lines {
  const header = `req.http.${markerOf(input.tag)}`;
  const answers: { url: string; lines: string[] }[] =
    input.form === 'synth'
      ? input.redirects.map((redirect) => ({
          url: redirect.url,
          // Setting the status overwrites the reason, so nothing may travel in it.
          lines: [
            `set resp.status = ${redirect.status};`,
            `set resp.http.Location = ${vclString(redirect.location)};`,
          ],
        }))
      : input.matches.map((match) => ({ url: match.path, lines: ['set resp.status = 404;'] }));
  return {
    front: [
      ...sub('vcl_recv', [
        `unset ${header};`,
        ...answers.flatMap(({ url }, index) => [
          `if (${recvCondition({ ...input, matches: [{ kind: 'exact', path: url }] })}) {`,
          `  set ${header} = "${index}";`,
          '  return (synth(200));',
          '}',
        ]),
      ]),
      ...sub(
        'vcl_synth',
        answers.flatMap(({ lines }, index) => [
          `if (${header} == "${index}") {`,
          ...lines.map((line) => `  ${line}`),
          '  set resp.http.Cache-Control = "public, max-age=60";',
          '  synthetic("");',
          '  return (deliver);',
          '}',
        ]),
      ),
    ],
    tail: [],
  };
}

/** After the VCL's own rules chose the backend and the hash: only what they would take from the cache is passed. */
function pass(input: RuleInput): Lines {
  const lines = [
    `if (${hostCondition('req', input.hosts)} && ${urlCondition('req', input.matches)}) {`,
    '  return (pass);',
    '}',
  ];
  return { front: [...sub('vcl_hit', lines), ...sub('vcl_miss', lines)], tail: [] };
}

function sub(name: string, lines: readonly string[]): string[] {
  return [`sub ${name} {`, ...lines.map((line) => `  ${line}`), '}'];
}

function recvCondition(input: Pick<RuleInput, 'hosts' | 'matches'>): string {
  return `(req.method == "GET" || req.method == "HEAD") && !req.http.Authorization && ${hostCondition('req', input.hosts)} && ${urlCondition('req', input.matches)}`;
}

/** Passed requests and those with Authorization are somebody's own: their answers are never kept. */
function backendCondition(input: RuleInput): string {
  return `!bereq.uncacheable && !bereq.http.Authorization && ${hostCondition('bereq', input.hosts)} && ${urlCondition('bereq', input.matches)}`;
}

function urlCondition(side: 'req' | 'bereq', matches: readonly Match[]): string {
  const parts = matches.map((match) =>
    match.kind === 'exact'
      ? `${side}.url == ${vclString(match.path)}`
      : `${side}.url ~ ${vclString(`^${regexEscape(match.path)}`)}`,
  );
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join(' || ')})`;
}

function hostCondition(side: 'req' | 'bereq', hosts: readonly string[]): string {
  return `${side}.http.host ~ ${vclString(`(?i)^(${hosts.map(regexEscape).join('|')})(:[0-9]+)?$`)}`;
}

/** A path of this site, or a URL of one of the sites; `//host`, `/\host` and `site@host` are neither. */
export function locationPattern(hosts: readonly string[]): string {
  const url = `https?://(${hosts.map(regexEscape).join('|')})(:[0-9]+)?([/?#]|$)`;
  return `^(/([^/\\\\]|$)|(?i:${url}))`;
}
