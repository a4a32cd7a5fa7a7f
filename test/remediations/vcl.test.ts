import { request } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allowed } from '../../src/remediations/cache-rule/ask.ts';
import { CacheRuleParams, falls, matchesOf, overlap } from '../../src/remediations/cache-rule/params.ts';
import { locationPattern, rulesOf } from '../../src/remediations/cache-rule/vcl.ts';
import { compose, regexEscape, vclString } from '../../src/remediations/vcl-text.ts';
import { LocalTarget } from '../../src/targets/local.ts';
import { VarnishCli } from '../../src/targets/varnish-cli.ts';
import { missingOf } from '../installed.ts';
import { type Daemons, daemons, type TestVarnish, testVarnish, VARNISHD } from './daemons.ts';

const gone = missingOf([VARNISHD]);
let at: Daemons;
let varnish: TestVarnish;
const here = new LocalTarget('here', 'acting');

beforeAll(async () => {
  if (gone) return;
  at = await daemons();
  varnish = await testVarnish(at, 'vcl 4.1; backend none none;');
}, 60_000);
afterAll(async () => {
  here.close();
  await at?.stop();
});

function use(name: string, source: string): Promise<string> {
  return VarnishCli.use(here, varnish, AbortSignal.timeout(20_000), async (cli) => {
    await cli.run('vcl.inline', name, source);
    return cli.run('vcl.use', name);
  });
}

function get(path: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ port: varnish.port, host: '127.0.0.1', path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    })
      .on('error', reject)
      .end();
  });
}

describe.skipIf(gone)('values in VCL, compiled by varnishd', () => {
  test('a string comes out as it went in, whatever it holds', { timeout: 60_000 }, async () => {
    const nasty = fc.string({
      unit: fc.constantFrom('"', '}', '{', '\\', '%', '*', ';', '/', "'", ' ', 'a', '0', '#', 'é'),
    });
    const values = [
      ...fc.sample(fc.oneof(nasty, fc.string({ unit: 'grapheme-ascii' })), 150),
      ...['"}', '"', '""}', '}"', '"}"}', '"} error; {"', '%22', '\\"', '*/', '//', '"""}'],
    ].filter((value) => !/[\u0000-\u001f\u007f]/.test(value));
    const body = values.map(
      (value, i) => `if (req.http.n == "${i}") { synthetic(${vclString(value)}); return (deliver); }`,
    );
    await use(
      'strings',
      `vcl 4.1; backend none none;\nsub vcl_recv { return (synth(200)); }\nsub vcl_synth { ${body.join('\n')} }`,
    );
    for (const [i, value] of values.entries()) expect(await get('/', { n: String(i) })).toBe(value);
  });

  test('an escaped path matches itself and nothing else', { timeout: 60_000 }, async () => {
    const path = fc
      .string({ unit: fc.constantFrom(...'aB0/_.~%-'), maxLength: 12 })
      .map((text) => `/${text}`);
    const paths = [...new Set([...fc.sample(path, 60), '/a.b', '/a%2eb', '/a-b', '/~x', '/a..b'])];
    const body = paths.map(
      (one, i) =>
        `if (req.http.n == "${i}" && req.url ~ ${vclString(`^${regexEscape(one)}$`)}) { return (synth(200, "yes")); }`,
    );
    await use(
      'paths',
      `vcl 4.1; backend none none;\nsub vcl_recv { ${body.join('\n')} return (synth(200, "no")); }\nsub vcl_synth { synthetic(resp.reason); return (deliver); }`,
    );
    for (const [i, one] of paths.entries()) {
      expect(await get(one, { n: String(i) })).toBe('yes');
      for (const other of [`${one}x`, one.replace('.', 'x'), `x${one}`.replace(/^x\//, '/x')].filter(
        (text) => text !== one,
      ))
        expect(await get(other, { n: String(i) })).toBe('no');
    }
  });

  test('every form compiles around a VCL with subroutines of its own', { timeout: 60_000 }, async () => {
    const base =
      '// a comment\n/* another\n vcl 4.0; */ vcl 4.1;\nimport std;\nbackend none none;\nsub vcl_recv { if (req.url == "/x") { return (pass); } }\nsub vcl_deliver { set resp.http.X = "1"; }';
    for (const [i, form] of (
      ['ttl', 'synth', 'not-found', 'url-ttl', 'pass', 'unset-set-cookie', 'unset-vary'] as const
    ).entries()) {
      const rules = rulesOf({
        ...{ tag: `${i}a`, mark: `warroom ${i}-A 0123`, form, seconds: 60, synthetic: false },
        matches: [
          { kind: 'prefix', path: '/a.b-~%/' },
          { kind: 'exact', path: '/c' },
        ],
        hosts: ['www.example.com', '10.0.0.1'],
        redirects: [{ url: '/c', status: 301, location: 'https://www.example.com/d?e="f' }],
      });
      await use(`form${i}`, compose(base, rules) as string);
    }
  });
});

test('a base without a version line is not built upon', () => {
  expect(compose('backend none none;', { front: '', tail: '' })).toBeUndefined();
  expect(compose('# vcl 4.1;\nsub x {}', { front: '', tail: '' })).toBeUndefined();
  expect(compose('vcl 4.1;\nb', { front: 'F', tail: 'T' })).toBe('vcl 4.1;\n\nF\n\nb\n\nT\n');
});

test('a Location is one of the sites or it is not', () => {
  const hosts = ['www.example.com'];
  for (const good of [
    '/',
    '/new',
    'https://www.example.com/x',
    'http://WWW.example.com',
    'http://www.example.com:8080/x',
    '/?a',
  ])
    expect([good, allowed(good, hosts)]).toEqual([good, true]);
  for (const bad of [
    '//evil.example',
    '/\\evil.example',
    'http://evil.example/',
    'http://www.example.com@evil.example/',
    'http://www.example.com.evil.example/',
    'http://wwwxexample.com/',
    'new',
    '',
    'javascript:x',
    'http://www.example.com:80@evil.example/',
  ])
    expect([bad, allowed(bad, hosts)]).toEqual([bad, false]);
  expect(locationPattern(hosts)).not.toContain('"');
});

test('parameters take paths and nothing else', () => {
  const parse = (more: object) =>
    CacheRuleParams.safeParse({ service: 'edge', form: 'ttl', ...more }).success;
  expect(parse({ pattern: '/legacy/' })).toBe(true);
  expect(parse({ pattern: '/legacy/*' })).toBe(true);
  expect(parse({ patterns: '/legacy/*' })).toBe(true);
  expect(parse({})).toBe(false);
  expect(parse({ pattern: '/' })).toBe(false);
  expect(parse({ pattern: '/a/', urls: ['/a'] })).toBe(false);
  for (const bad of ['/a"', '/a b', '/a\n', '/a?b', '/a;', 'a', '/(', '/a*b', '/a#', '/é', '/a\\'])
    expect([bad, parse({ pattern: bad })]).toEqual([bad, false]);
  const parsed = CacheRuleParams.parse({ service: 'edge', form: 'ttl', patterns: ['/a/*', '/b'] });
  // What is stored is planned again before it runs.
  expect(CacheRuleParams.parse(parsed)).toEqual(parsed);
  expect(matchesOf(parsed)).toEqual([
    { kind: 'prefix', path: '/a/' },
    { kind: 'exact', path: '/b' },
  ]);
});

test('two matches meet when a path falls under both', () => {
  const paths = fc.constantFrom('/', '/a', '/ab', '/a/b', '/cart', '/cart/1');
  const match = fc.record({ kind: fc.constantFrom('exact' as const, 'prefix' as const), path: paths });
  fc.assert(
    fc.property(match, match, paths, (a, b, path) => {
      if (falls(path, [a]) && falls(path, [b])) expect(overlap(a, b)).toBe(true);
      expect(overlap(a, b)).toBe(overlap(b, a));
    }),
  );
});
