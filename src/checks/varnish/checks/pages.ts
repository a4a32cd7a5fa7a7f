import { z } from 'zod';
import { defineCheck, type Evidence, type InstanceView, type Verdict } from '../../contract.ts';
import type { PageAnswer, PageLook, VarnishFacts } from '../facts.ts';
import { thin } from './shared.ts';

const Expected = z.object({
  maxAgeSeconds: z
    .number()
    .min(60)
    .default(600)
    .describe(
      'Seconds for which an answer counts; where the config names many URLs they take turns, six in a minute.',
    ),
});
type Expected = z.infer<typeof Expected>;

interface Looked extends PageLook {
  readonly instance: string;
  readonly path: string;
}

export const expectedHits = defineCheck<VarnishFacts, Expected>({
  id: 'varnish.expected-hits',
  question: 'Are URLs that should be cached served from the cache?',
  thresholds: Expected,
  needs: ['pages'],
  falseAlarm: 'A cache so full that a page is thrown out within a second, or one that was banned just then.',
  judge(input) {
    const { asked, skipped } = looksOf(input, 'cached');
    if (asked.length === 0) return [nothing('cached', skipped)];
    const bad = asked.flatMap((look) => {
      const why = whyNotCached(look);
      return why === undefined ? [] : [{ look, why }];
    });
    if (bad.length === 0)
      return [
        {
          level: 'ok',
          summary: `${counted(asked)} that should be cached came from the cache${skippedWords(skipped)}.`,
          evidence: notes(skipped),
        },
      ];
    return byPattern(bad.map(({ look }) => look)).map((pattern): Verdict => {
      const own = bad.filter(({ look }) => look.pattern === pattern);
      const [first] = own as [(typeof own)[0]];
      return {
        subject: pattern,
        level: 'warn',
        summary: `${first.look.path} should come from the cache and does not, asked twice within two seconds: ${first.why.because}.`,
        evidence: [table(own.map(({ look }) => look))],
        advice: first.why.mend,
      };
    });
  },
});

export const expectedPasses = defineCheck<VarnishFacts, Expected>({
  id: 'varnish.expected-passes',
  question: 'Do URLs that must not be cached bypass it?',
  thresholds: Expected,
  needs: ['pages'],
  falseAlarm: 'A page under a pattern of "passed" that is the same for everybody: name it more narrowly.',
  judge(input) {
    const { asked, skipped } = looksOf(input, 'passed');
    if (asked.length === 0) return [nothing('passed', skipped)];
    // What is not there, and what failed, holds nothing that is somebody's own.
    const leaks = asked.filter((look) => look.answers.some((one) => one.hit === true && one.status < 400));
    const untold = asked.filter((look) => look.answers.every((one) => one.hit === undefined));
    if (leaks.length === 0)
      return untold.length === asked.length
        ? [
            {
              level: 'unknown',
              cleared: false,
              summary: `Nothing in the answers to ${counted(asked)} tells whether they came from the cache.`,
              advice: 'Let the VCL keep X-Varnish, or send X-Hits (set resp.http.X-Hits = obj.hits).',
            },
          ]
        : [
            {
              level: 'ok',
              summary: `${counted(asked)} that must not be cached came from the application each time${skippedWords(skipped)}.`,
              evidence: notes(skipped),
            },
          ];
    return byPattern(leaks).map((pattern): Verdict => {
      const own = leaks.filter((look) => look.pattern === pattern);
      const [first] = own as [Looked];
      const other = first.answers.find((one) => one.as === 'another with a cookie');
      return {
        subject: pattern,
        level: 'critical',
        certain: true,
        summary: `${first.path} must not be cached and came from the cache${other?.hit ? ', for a visitor with another cookie too' : ''}: what one visitor was shown, another gets.`,
        evidence: [table(own)],
        advice: `At once: a rule of the form pass for ${pattern}, and a ban of what is kept (varnishadm ban req.url '~' '^${pattern.replace(/\*$/, '').replace(/[.+?()[\]{}|^$\\]/g, '\\$&')}'). Then let the application send "private, no-store" there.`,
      };
    });
  },
});

function looksOf(
  input: { readonly instances: readonly InstanceView<VarnishFacts>[]; at: number; thresholds: Expected },
  kind: PageLook['kind'],
) {
  const all = input.instances.flatMap((one) =>
    (one.facts.pages ?? [])
      .filter((look) => look.kind === kind)
      .filter((look) => Math.abs(input.at - look.at) <= input.thresholds.maxAgeSeconds * 1000)
      .map((look) => ({ ...look, instance: one.instance })),
  );
  return {
    asked: all.filter((look): look is Looked => look.path !== undefined && look.answers.length > 0),
    skipped: all.filter((look) => look.skipped !== undefined),
  };
}

function nothing(key: string, skipped: readonly PageLook[]): Verdict {
  const verdict = thin(
    skipped.length === 0
      ? `The config names no URL under "${key}" of this service.`
      : `No URL under "${key}" could be asked for${skippedWords(skipped)}.`,
  );
  return { ...verdict, evidence: notes(skipped) };
}

/** What keeps it out of the cache, by the answers; undefined when it came from there, or nothing tells. */
function whyNotCached({ answers }: PageLook): { because: string; mend: string } | undefined {
  const again = answers.find((one) => one.as === 'the same again');
  const other = answers.find((one) => one.as === 'another with a cookie');
  if (!again || !other || again.hit === undefined) return undefined;
  if (again.hit && other.hit !== false) return undefined;
  if (again.status >= 400)
    return {
      because: `it answers ${again.status}`,
      mend: 'See why the application answers so; then whether it should be cached.',
    };
  const forbids = /\b(?:no-store|private|no-cache|(?:s-)?max-?age=0)\b/i.exec(again.cacheControl ?? '')?.[0];
  if (again.hit) {
    const last = answers.find((one) => one.as === 'the first once more');
    if (last?.hit === false)
      return {
        because: 'it did once, and was gone again within a second',
        mend: 'The cache throws it out: see varnish.evictions, and whether somebody bans it.',
      };
    const vary = splitting(other);
    return vary === undefined
      ? {
          because: 'it does for a visitor without a cookie, but not for one that brings one',
          mend: 'Visitors bring a cookie that the VCL does not drop: unset req.http.Cookie for these URLs.',
        }
      : {
          because: `"Vary: ${vary}" keeps a copy for each kind of visitor`,
          mend: 'Narrow Vary in the application, or unset beresp.http.Vary for these URLs.',
        };
  }
  if (again.setCookie)
    return {
      because: 'it sets a cookie (Set-Cookie)',
      mend: 'Drop Set-Cookie for these URLs in vcl_backend_response, or do not let the application set it there.',
    };
  if (forbids !== undefined)
    return {
      because: `"Cache-Control: ${again.cacheControl}" forbids it (${forbids})`,
      mend: 'Let the application send public, max-age=… on what is the same for everybody.',
    };
  const vary = splitting(again);
  if (vary !== undefined)
    return {
      because: `"Vary: ${vary}" keeps a copy for each kind of visitor`,
      mend: 'Narrow Vary in the application, or unset beresp.http.Vary for these URLs.',
    };
  return {
    because: 'nothing in its answer forbids it, so the VCL passes it or gives it no lifetime',
    mend: 'Look at vcl_recv (return (pass), Authorization) and at beresp.ttl for this URL.',
  };
}

function splitting({ vary }: PageAnswer): string | undefined {
  return vary !== undefined && /\*|cookie|user-agent|authorization/i.test(vary) ? vary : undefined;
}

function byPattern(looks: readonly PageLook[]): string[] {
  return [...new Set(looks.map((look) => look.pattern))];
}

function counted(looks: readonly PageLook[]): string {
  const count = byPattern(looks).length;
  return count === 1 ? '1 URL' : `${count} URLs`;
}

function skippedWords(skipped: readonly PageLook[]): string {
  return skipped.length === 0 ? '' : `; ${skipped.length} could not be asked for`;
}

function notes(skipped: readonly PageLook[]): Evidence[] {
  return skipped
    .slice(0, 8)
    .map((look) => ({ kind: 'note', text: `${look.pattern} was not asked for: ${look.skipped}.` }));
}

function table(looks: readonly Looked[]): Evidence {
  return {
    kind: 'table',
    title: 'What our own requests got',
    columns: [
      { name: 'server' },
      { name: 'URL' },
      { name: 'as' },
      { name: 'status' },
      { name: 'from the cache' },
      { name: 'told by' },
      { name: 'Cache-Control' },
      { name: 'Set-Cookie' },
      { name: 'Vary' },
    ],
    rows: looks
      .slice(0, 6)
      .flatMap((look) =>
        look.answers.map((one) => [
          look.instance,
          look.path,
          one.as,
          one.status,
          one.hit === undefined ? 'not told' : one.hit ? 'yes' : 'no',
          one.toldBy ?? '',
          one.cacheControl ?? '',
          one.setCookie ? 'yes' : 'no',
          one.vary ?? '',
        ]),
      ),
  };
}
