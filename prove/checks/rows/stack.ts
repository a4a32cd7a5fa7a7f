import type { Finding } from '../../../src/checks/contract.ts';
import type { LabRow, Row } from '../row.ts';
import { grown, near, percent, uwsgiTotals } from './native.ts';
import { shop } from './postgres-faults.ts';
import { shareOfTime } from './postgres-native.ts';

export const STACK_ROWS: readonly Row[] = [
  {
    check: 'stack.visitors',
    parts: ['web'],
    fault: 'app-errors',
    evidence: [/[\d.]+ % errors/, /requests at edge/, /\/cart/],
    figure: async (lab, finding) => {
      const { failedShare = Number.NaN, codes = {}, windowSeconds } = lab.report() ?? {};
      const says = `visitors: ${percent(failedShare)} failed in ${windowSeconds} s, codes ${JSON.stringify(codes)}`;
      return near(finding, failedShare, 0.03, says);
    },
  },
  {
    check: 'stack.capacity',
    parts: ['web'],
    fault: 'app-overload',
    clearsWithin: 120,
    evidence: [/of app, planned 3/, /varnish misses/, /servers in use/, /spares in the config/],
    figure: async (lab, finding) => {
      const { requests, running } = await grown(() => uwsgiTotals(lab), 10);
      const each = running / requests;
      // The lab burns 18 ms a page; its hosts have 0.2 of a core each (lab/limits.ts), of which 70 % may be used.
      const needed = (figureOf(finding, 'arrives') * 0.018) / (0.2 * 0.7);
      return {
        right:
          Math.abs(figureOf(finding, 'time of a worker for one request') / each - 1) <= 0.25 &&
          Math.abs(figureOf(finding, 'is done') / (requests / 10) - 1) <= 0.25 &&
          Math.abs((finding.value ?? Number.NaN) / needed - 1) <= 0.25,
        says: `uWSGI: ${requests} requests in 10 s held workers for ${(each * 1000).toFixed(0)} ms each; at 18 ms of CPU a page ${needed.toFixed(1)} servers`,
      };
    },
  },
  {
    check: 'stack.clients',
    parts: ['postgres'],
    beside: shop,
    fault: 'external-client',
    mine: ({ subject }) => subject === 'shopdb',
    evidence: [
      /report from 10\.77\.\d+\.91 \(calls itself nightly-report\)/,
      /SELECT o\.customer, sum\(i\.amount \* o\.total\) FROM order_item i JOIN orders o/,
      /Move report from 10\.77\.\d+\.91 to the replica db2/,
      /"outside"/,
    ],
    figure: async (lab, finding) => {
      const share = await shareOfTime(lab, "rolname = 'report'", 12);
      return near(
        finding,
        share,
        0.12,
        `pg_stat_statements: ${percent(share)} of the time is the role report's`,
      );
    },
  },
] satisfies LabRow[];

function figureOf(finding: Finding, name: string): number {
  const rows = finding.evidence.flatMap((one) => (one.kind === 'figures' ? one.rows : []));
  return rows.find((row) => row.name === name)?.value ?? Number.NaN;
}
