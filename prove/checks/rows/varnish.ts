import http from 'node:http';
import type { Lab } from '../../../lab/index.ts';
import { SITE } from '../../../lab/plan.ts';
import type { Finding } from '../../../src/checks/contract.ts';
import { pause } from '../../proof.ts';
import type { LabRow, Row } from '../row.ts';
import { percent } from './native.ts';

/** Rounds of our own requests are a minute apart. */
const A_ROUND_S = 80;
const THREE_LOOKS_S = 150;
/** Varnish's own buffer has a minute from the start; a bot that has just begun has not. */
const A_MINUTE_S = 70;
const BALANCER = 'haproxy@lb1';

/** A ban at the start of the minute that the log is kept for, then the cache fills again. */
const FILLED_AGAIN_S = 180;

export const VARNISH_ROWS: readonly Row[] = [
  {
    check: 'varnish.hit-rate',
    parts: ['web'],
    fault: 'cookie-everywhere',
    clearsWithin: FILLED_AGAIN_S,
    evidence: [/set-cookie/, /\/(product|legacy)\/\w+/, /reason column/],
    figure: async (lab, finding) => {
      const names = ['cache_hit', 'cache_miss', 's_pass', 's_pipe', 's_synth'].map((name) => `MAIN.${name}`);
      const grown = await growth(lab, 10, ...names);
      const all = Math.max(1, sum(grown));
      const [hits = 0, misses = 0] = grown.map((value) => value / all);
      const told = figures(finding).get('misses') ?? Number.NaN;
      return {
        right: Math.abs((finding.value ?? 1) - hits) <= 0.05 && Math.abs(told - misses) <= 0.05,
        says: `varnishstat, 10 s: ${all} requests, ${percent(hits)} hits, ${percent(misses)} misses`,
      };
    },
  },
  {
    check: 'varnish.top-misses',
    parts: ['web'],
    fault: 'vary-everywhere',
    figureWithin: A_MINUTE_S,
    clearsWithin: FILLED_AGAIN_S,
    evidence: [/\/product\//, /User-Agent/, /beresp\.http\.Vary/],
    figure: async (lab, finding) => {
      // What forbids storing is nobody's to cache; the rest of what asked the application could have come from there.
      const asked = await backendLog(lab, 60);
      const could = asked.filter(
        (one) => one.method === 'GET' && Number(one.status) < 400 && !/no-store/.test(one.cacheControl),
      );
      const share = could.length / Math.max(1, asked.length);
      return near(finding, share, 0.1, `${percent(share)} of ${asked.length} backend requests may be stored`);
    },
  },
  {
    check: 'varnish.redirects',
    parts: ['web'],
    fault: 'no-redirect-cache',
    clearsWithin: FILLED_AGAIN_S,
    evidence: [/\/legacy\//, /no-store/, /cache rule/],
    figure: async (lab, finding) => {
      const asked = await backendLog(lab, 12);
      const redirects = asked.filter(({ status }) => status === '301');
      const ofTime = sum(redirects.map(({ micros }) => micros)) / sum(asked.map(({ micros }) => micros));
      const ofRequests = redirects.length / Math.max(1, asked.length);
      const says = `301s: ${percent(ofRequests)} of ${asked.length} backend requests, ${percent(ofTime)} of their time`;
      return near(finding, Math.max(ofTime, ofRequests), 0.1, says);
    },
  },
  {
    check: 'varnish.errors',
    parts: ['web'],
    fault: 'app-errors',
    evidence: [/\/cart/, /50[02]: \d+/, /its log has the reason/],
    figure: async (lab, finding) => {
      const statuses = await clientStatuses(lab, 20);
      const share = statuses.filter((status) => Number(status) >= 500).length / Math.max(1, statuses.length);
      return near(finding, share, 0.3, `${percent(share)} of ${statuses.length} answers in 20 s are 5xx`);
    },
  },
  {
    check: 'varnish.backends',
    parts: ['web'],
    fault: {
      name: 'HAProxy is stopped',
      on: (lab) => lab.stopServer(BALANCER),
      off: (lab) => lab.startServer(BALANCER),
    },
    clearsWithin: FILLED_AGAIN_S,
    evidence: [/balancer/, /web1/, /URL of the probe/],
    figure: async (lab, { subject, summary }) => {
      const { healthy, sick } = await backendList(lab);
      const all = healthy.length + sick.length;
      return {
        right:
          sick.some((name) => name.endsWith(`.${subject}`)) &&
          summary.includes(`${healthy.length} of ${all} are healthy`),
        says: `varnishadm backend.list: ${sick.join(', ') || 'none'} sick, ${healthy.length} of ${all} healthy`,
      };
    },
  },
  {
    check: 'varnish.expected-hits',
    parts: ['web'],
    fault: 'cookie-everywhere',
    firesWithin: A_ROUND_S,
    clearsWithin: THREE_LOOKS_S,
    mine: ({ subject }) => subject === '/product/*',
    evidence: [/Set-Cookie/, /\/product\/\d+/, /vcl_backend_response/],
    figure: async (lab, { summary }) => {
      const path = /^\/product\/\d+/.exec(summary)?.[0] ?? '/';
      await asked(lab, path);
      const again = await asked(lab, path);
      return { right: again.hits === 0 && again.setCookie, says: told(again) };
    },
  },
  {
    check: 'varnish.expected-passes',
    parts: ['web'],
    fault: 'private-page-cached',
    firesWithin: A_ROUND_S,
    clearsWithin: THREE_LOOKS_S,
    evidence: [/\/(cart|account)/, /X-Varnish: \d+ \d+/, /pass for/],
    figure: async (lab, { subject = '' }) => {
      const path = subject.replace(/\*$/, '');
      await asked(lab, path);
      const again = await asked(lab, path);
      return { right: again.hits > 0, says: told(again) };
    },
  },
  {
    check: 'varnish.not-found',
    parts: ['web'],
    fault: 'not-found-storm',
    figureWithin: A_MINUTE_S,
    evidence: [/\/no-such-page\/\*/, /no-store/, /not-found/],
    figure: async (lab, finding) => {
      const asked = await backendLog(lab, 60);
      const share = asked.filter(({ status }) => status === '404').length / Math.max(1, asked.length);
      return near(finding, share, 0.15, `${percent(share)} of ${asked.length} backend answers are 404`);
    },
  },
  {
    check: 'varnish.evictions',
    parts: ['web'],
    fault: 'varnish-small',
    evidence: [/thrown out/, /1 MiB/, /malloc/],
    figure: async (lab, finding) => {
      const [nuked = 0, hits = 0] = await growth(lab, 5, 'MAIN.n_lru_nuked', 'MAIN.cache_hit');
      const ratio = nuked / Math.max(1, hits);
      return near(finding, ratio, 0.5, `varnishstat: ${nuked} thrown out, ${hits} hits in 5 s`);
    },
  },
  {
    check: 'varnish.threads',
    parts: ['web'],
    fault: 'varnish-threads',
    // Where more threads than that are left from before, only the limit itself tells, which is read once a minute.
    firesWithin: A_ROUND_S,
    evidence: [/thread_pool_max/, /20 of 20/, /limit was met/],
    figure: async (lab, finding) => {
      const [threads = 0, pools = 0] = await counters(lab, 'MAIN.threads', 'MAIN.pools');
      const most = /\b(\d+) \[threads\]/.exec(await lab.varnishadm('param.show', 'thread_pool_max'))?.[1];
      const share = threads / (Number(most) * pools);
      return near(finding, share, 0.1, `varnishstat: ${threads} threads, ${pools} pools of ${most}`);
    },
  },
] satisfies LabRow[];

function near(finding: Finding, native: number, tolerance: number, says: string) {
  const { level, value = Number.NaN } = finding;
  // What is ok by now is not the fault's finding any more.
  return { right: level !== 'ok' && Math.abs(value - native) <= Math.max(tolerance * native, 0.02), says };
}

async function counters(lab: Lab, ...names: string[]): Promise<number[]> {
  const text = await lab.exec('web1', ['varnishstat', '-1', ...names.flatMap((name) => ['-f', name])]);
  return names.map((name) => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.split(/\s+/)[1] ?? Number.NaN);
  });
}

async function growth(lab: Lab, seconds: number, ...names: string[]): Promise<number[]> {
  const before = await counters(lab, ...names);
  await pause(seconds * 1000);
  const after = await counters(lab, ...names);
  return after.map((value, i) => value - (before[i] ?? 0));
}

/** Rows of all figures of a finding by their names. */
function figures({ evidence }: Finding): Map<string, number> {
  const rows = evidence.flatMap((one) => (one.kind === 'figures' ? one.rows : []));
  return new Map(rows.map(({ name, value }) => [name, value]));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

interface Asked {
  readonly status: string;
  readonly method: string;
  /** How long the backend took. */
  readonly micros: number;
  readonly cacheControl: string;
}

/** What the backend answered in the last seconds, from the log's buffer as varnishncsa alone tells it. */
async function backendLog(lab: Lab, seconds: number): Promise<Asked[]> {
  const text = await lab.exec('web1', [
    ...['varnishncsa', '-d', '-b'],
    ...['-F', '%{%s}t\t%s\t%m\t%D\t%{Cache-Control}o'],
  ]);
  return lately(text, seconds).map(([status = '', method = '', micros = '', cacheControl = '']) => ({
    ...{ status, method, cacheControl },
    micros: Number(micros),
  }));
}

async function clientStatuses(lab: Lab, seconds: number): Promise<string[]> {
  const text = await lab.exec('web1', ['varnishncsa', '-d', '-c', '-F', '%{%s}t\t%s']);
  return lately(text, seconds).map(([status = '']) => status);
}

/** Lines whose first field is a second of the last ones, without it. */
function lately(text: string, seconds: number): string[][] {
  const since = Date.now() / 1000 - seconds;
  return text.split('\n').flatMap((line) => {
    const [at = '', ...rest] = line.split('\t');
    return Number(at) >= since && at !== '' ? [rest] : [];
  });
}

/** Names of the backends of the VCL in use, `boot.balancer`, by what their probe says. */
async function backendList(lab: Lab): Promise<{ healthy: string[]; sick: string[] }> {
  const lines = (await lab.varnishadm('backend.list')).split('\n').map((line) => line.trim().split(/\s+/));
  const of = (state: string) => lines.filter((words) => words.includes(state)).map(([name = '']) => name);
  return { healthy: of('healthy'), sick: of('sick') };
}

interface Got {
  readonly status: number;
  readonly hits: number;
  readonly setCookie: boolean;
}

function asked(lab: Lab, path: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const options = { host: lab.address('web1'), path, headers: { Host: SITE }, agent: false, timeout: 5000 };
    http
      .get(options, (response) => {
        response.resume();
        resolve({
          status: response.statusCode ?? 0,
          hits: Number(response.headers['x-hits'] ?? Number.NaN),
          setCookie: response.headers['set-cookie'] !== undefined,
        });
      })
      .on('error', reject);
  });
}

function told({ status, hits, setCookie }: Got): string {
  return `asked by hand: ${status}, X-Hits ${hits}, ${setCookie ? 'with' : 'without'} Set-Cookie`;
}
