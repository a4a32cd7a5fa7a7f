import http from 'node:http';
import type { Lab } from '../../../lab/index.ts';
import { SITE } from '../../../lab/plan.ts';
import type { Finding } from '../../../src/checks/contract.ts';
import type { LabRow, Row, TestRow } from '../row.ts';

/** Rounds of our own requests are a minute apart. */
const A_ROUND_S = 80;
const THREE_LOOKS_S = 150;

export const VARNISH_ROWS: readonly Row[] = [
  {
    check: 'varnish.expected-hits',
    parts: ['web'],
    fault: 'cookie-everywhere',
    firesWithin: A_ROUND_S,
    clearsWithin: THREE_LOOKS_S,
    evidence: [/Set-Cookie/, /\/product\//, /vcl_backend_response/],
    figure: async (lab) => {
      await asked(lab, '/');
      const again = await asked(lab, '/');
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
    evidence: [/\/no-such-page\/\*/, /no-store/, /not-found/],
    figure: async (lab, finding) => {
      const statuses = await backendStatuses(lab, 60);
      const share = statuses.filter((status) => status === '404').length / Math.max(1, statuses.length);
      return near(finding, share, 0.15, `${(share * 100).toFixed(1)} % of backend answers are 404`);
    },
  },
  {
    check: 'varnish.evictions',
    parts: ['web'],
    fault: 'varnish-small',
    evidence: [/thrown out/, /1 MiB/, /malloc/],
    figure: async (lab, finding) => {
      const before = await counters(lab, 'MAIN.n_lru_nuked', 'MAIN.cache_hit');
      await new Promise((resolve) => setTimeout(resolve, 5000));
      const after = await counters(lab, 'MAIN.n_lru_nuked', 'MAIN.cache_hit');
      const [nuked = 0, hits = 0] = after.map((value, i) => value - (before[i] ?? 0));
      const ratio = nuked / Math.max(1, hits);
      return near(finding, ratio, 0.5, `varnishstat: ${nuked} thrown out, ${hits} hits in 5 s`);
    },
  },
  {
    check: 'varnish.threads',
    parts: ['web'],
    fault: 'varnish-threads',
    evidence: [/thread_pool_max/, /20 of 20/, /limit was met/],
    figure: async (lab, finding) => {
      const [threads = 0, pools = 0] = await counters(lab, 'MAIN.threads', 'MAIN.pools');
      const most = /\b(\d+) \[threads\]/.exec(await lab.varnishadm('param.show', 'thread_pool_max'))?.[1];
      const share = threads / (Number(most) * pools);
      return near(finding, share, 0.1, `varnishstat: ${threads} threads, ${pools} pools of ${most}`);
    },
  },
  {
    check: 'stack.capacity',
    parts: ['web'],
    fault: 'app-overload',
    clearsWithin: 120,
    evidence: [/of app, planned 3/, /18 ms|17\.\d ms/, /varnish misses/],
    figure: async (_lab, finding) => {
      // What the lab burns for each page, and what its hosts have: lab/limits.ts.
      const rows = finding.evidence.flatMap((one) => (one.kind === 'figures' ? one.rows : []));
      const value = (name: string) => rows.find((row) => row.name === name)?.value ?? Number.NaN;
      const cpu = value('CPU for one request');
      const needed = (value('arrives') * 0.018) / (0.2 * 0.7);
      return {
        right: Math.abs(cpu / 0.018 - 1) < 0.25 && Math.abs((finding.value ?? 0) / needed - 1) < 0.25,
        says: `the lab burns 18 ms a page: ${needed.toFixed(1)} servers of 0.2 cores at 70 % for ${value('arrives').toFixed(1)}/s`,
      };
    },
  },
  byTest(
    'self.clock',
    'test/checks/self/clock.test.ts',
    'clocks',
    'all hosts of the lab share this machine’s clock',
  ),
  byTest(
    'self.fixes',
    'test/remediations/kept-fixes.test.ts',
    'a fix that was kept',
    'a fix must first be approved and kept, which is what story-1 shows',
  ),
] satisfies (LabRow | TestRow)[];

function byTest(check: string, test: string, named: string, because: string): TestRow {
  return { check, test, named, because };
}

function near(finding: Finding, native: number, tolerance: number, says: string) {
  const value = finding.value ?? Number.NaN;
  return { right: Math.abs(value - native) <= Math.max(tolerance * native, 0.02), says };
}

async function counters(lab: Lab, ...names: string[]): Promise<number[]> {
  const text = await lab.exec('web1', ['varnishstat', '-1', ...names.flatMap((name) => ['-f', name])]);
  return names.map((name) => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.split(/\s+/)[1] ?? Number.NaN);
  });
}

/** What the backend answered in the last seconds, from the log's buffer as varnishncsa alone tells it. */
async function backendStatuses(lab: Lab, seconds: number): Promise<string[]> {
  const text = await lab.exec('web1', ['varnishncsa', '-d', '-b', '-F', '%{%s}t %s']);
  const since = Date.now() / 1000 - seconds;
  return text.split('\n').flatMap((line) => {
    const [at = '', status = ''] = line.split(' ');
    return Number(at) >= since ? [status] : [];
  });
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
