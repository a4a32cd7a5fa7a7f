import { z } from 'zod';

/** What may stand in a rule at all; everything in it is escaped besides. */
const PATH = /^\/[A-Za-z0-9/_.~%-]*$/;
const path = z.string().max(200).regex(PATH, 'must be a plain path: letters, digits, / _ . ~ % -');
const pattern = z
  .string()
  .max(200)
  .refine((text) => PATH.test(text.replace(/\*$/, '')), 'must be a plain path; a * may stand at its end');
/** A command gives one value where a list is meant. */
const list = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(item).min(1).max(20));

export const FORMS = [
  'ttl',
  'synth',
  'not-found',
  'url-ttl',
  'pass',
  'unset-set-cookie',
  'unset-vary',
] as const;

export const CacheRuleParams = z
  .strictObject({
    service: z.string(),
    /**
     * ttl: permanent redirects are kept for a year. synth: Varnish answers them itself. not-found: 404s are kept for
     * 60 s. url-ttl: pages are kept for `seconds`. pass: never from the cache. unset-set-cookie, unset-vary: pages
     * that are the same for everybody lose the header that keeps them out of the cache.
     */
    form: z.enum(FORMS),
    /** A prefix of the path. */
    pattern: pattern.optional(),
    /** As in the config: exact paths, or prefixes that end in a star. */
    patterns: list(pattern).optional(),
    /** Exact paths. */
    urls: list(path).optional(),
    /** Paths under the pattern that our own requests try. */
    paths: list(path).optional(),
    /** Share of the requests to the application that the rule should take away. */
    share: z.number().min(0).max(1).optional(),
    seconds: z.int().min(1).max(3600).default(60),
    /** not-found with `urls`: Varnish answers itself. */
    synthetic: z.boolean().default(false),
  })
  .refine(
    (params) =>
      [params.pattern, params.patterns, params.urls].filter((one) => one !== undefined).length === 1,
    'needs one of pattern, patterns and urls',
  )
  .refine(
    (params) => (params.form !== 'synth' && !params.synthetic) || params.urls !== undefined,
    'a synthetic answer needs urls: exact paths',
  )
  .refine(
    (params) =>
      params.form === 'pass' ||
      matchesOf(params).every((match) => match.kind === 'exact' || match.path.length > 2),
    'must not be a prefix of everything',
  );
export type CacheRuleParams = z.infer<typeof CacheRuleParams>;

export interface Match {
  readonly kind: 'exact' | 'prefix';
  readonly path: string;
}

export function matchesOf(params: {
  readonly pattern?: string | undefined;
  readonly patterns?: readonly string[] | undefined;
  readonly urls?: readonly string[] | undefined;
}): Match[] {
  if (params.pattern !== undefined) return [{ kind: 'prefix', path: params.pattern.replace(/\*$/, '') }];
  if (params.patterns)
    return params.patterns.map((one) =>
      one.endsWith('*') ? { kind: 'prefix', path: one.slice(0, -1) } : { kind: 'exact', path: one },
    );
  return (params.urls ?? []).map((one) => ({ kind: 'exact', path: one }));
}

/** Whether a path (without its query) falls under a match. */
export function falls(path: string, matches: readonly Match[]): boolean {
  return matches.some((match) =>
    match.kind === 'prefix' ? path.startsWith(match.path) : path === match.path,
  );
}

/** Whether two matches have any path in common. */
export function overlap(a: Match, b: Match): boolean {
  if (a.kind === 'exact') return falls(a.path, [b]);
  return b.kind === 'exact' ? falls(b.path, [a]) : a.path.startsWith(b.path) || b.path.startsWith(a.path);
}

export function shown(matches: readonly Match[]): string {
  const [first, ...more] = matches.map((match) => `${match.path}${match.kind === 'prefix' ? '*' : ''}`);
  return more.length > 0 ? `${first} and ${more.length} more` : String(first);
}
