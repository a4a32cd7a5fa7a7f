import type { CollectContext, Evidence, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { missTable } from './checks/shared.ts';
import { knowsJson, readWindow } from './log.ts';
import { logFacts } from './log-facts.ts';
import type { LogWindow } from './log-window.ts';
import { measureStat } from './measure.ts';
import { readStat } from './stat.ts';
import { log } from './views-log.ts';
import { agents, top } from './views-top.ts';

const STAT_MS = 1000;
/** A live look answers within 2.5 s: the log is read for less than that. */
const LOG_S = 2;

async function statLook(context: CollectContext) {
  const first = { snapshot: await readStat(context, undefined), at: Date.now() };
  await pause(STAT_MS, context.signal);
  const second = { snapshot: await readStat(context, first.snapshot), at: Date.now() };
  return measureStat(first, second);
}

async function logLook(context: CollectContext): Promise<LogWindow> {
  return readWindow(context, LOG_S, await knowsJson(context));
}

function factsView(
  name: string,
  summary: string,
  show: (facts: ReturnType<typeof logFacts>) => Evidence[],
): View {
  return {
    name,
    summary,
    async show(context) {
      const facts = logFacts([await logLook(context)]);
      const evidence = show(facts);
      if (facts.requests === 0) return [{ kind: 'note', text: `No request was finished in ${LOG_S} s.` }];
      if (evidence.length === 0)
        return [
          { kind: 'note', text: `None of ${facts.requests} requests in ${LOG_S} s reached the application.` },
        ];
      return facts.limited
        ? [
            ...evidence,
            { kind: 'note', text: 'More requests came than were read: shares hold, counts are of a sample.' },
          ]
        : evidence;
    },
  };
}

const stat: View = {
  name: 'stat',
  summary: 'Counters as rates: requests, hits, misses, passes, threads',
  async show(context) {
    const { readings } = await statLook(context);
    return [
      {
        kind: 'figures',
        rows: readings
          .filter((reading) => reading.labels === undefined)
          .map(({ metric, value, unit }) => ({
            name: metric.replace('varnish.', '').replaceAll('_', ' '),
            value,
            unit,
          })),
      },
    ];
  },
};

const backends: View = {
  name: 'backends',
  summary: 'Backends of the VCL in use and their health',
  async show(context) {
    const { facts } = await statLook(context);
    return [
      {
        kind: 'table',
        title: 'Backends of the VCL in use',
        columns: [
          { name: 'backend' },
          { name: 'VCL' },
          { name: 'healthy' },
          { name: 'probe' },
          { name: 'connections' },
          { name: 'requests' },
        ],
        rows: (facts.backends ?? []).map((row) => [
          row.backend,
          row.vcl,
          row.healthy ? 'yes' : 'no',
          row.hasProbe ? 'yes' : 'none',
          row.connections,
          row.requests,
        ]),
      },
    ];
  },
};

const misses = factsView('misses', 'What reaches the application, the dearest first', (facts) => {
  const rows = facts.urls.filter((row) => row.backendRequests > 0);
  return missTable(rows, `To the application in ${LOG_S} s`, rows);
});

const hits = factsView('hits', 'URLs served from the cache most', (facts) => [
  {
    kind: 'table',
    title: `Served from the cache in ${LOG_S} s`,
    columns: [{ name: 'URL' }, { name: 'hits' }, { name: 'of its requests', unit: 'share' }],
    rows: [...facts.urls]
      .filter((row) => row.hits > 0)
      .sort((a, b) => b.hits - a.hits)
      .slice(0, 15)
      .map((row) => [row.path, row.hits, row.hits / Math.max(1, row.requests)]),
  },
]);

const urls = factsView('urls', 'URLs by requests', (facts) => [
  {
    kind: 'table',
    title: `URLs in ${LOG_S} s`,
    columns: [
      { name: 'URL' },
      { name: 'requests', unit: '/s' },
      { name: 'hits', unit: 'share' },
      { name: 'to app' },
      { name: 'status' },
      { name: 'reason' },
    ],
    rows: [...facts.urls]
      .sort((a, b) => b.requests - a.requests)
      .slice(0, 15)
      .map((row) => [
        row.path,
        row.requests / facts.seconds,
        row.hits / Math.max(1, row.requests),
        row.backendRequests,
        row.status,
        row.reason,
      ]),
  },
]);

const methods = factsView('methods', 'Requests by method', (facts) => [
  shares(
    'Methods',
    facts.urls.map((row) => [row.method, row.requests] as const),
  ),
]);

const statuses = factsView('statuses', 'Requests by status', (facts) => [
  shares(
    'Statuses',
    facts.groups.flatMap((row) => Object.entries(row.statuses)),
  ),
]);

function shares(title: string, counts: readonly (readonly [string, number])[]): Evidence {
  const sums = new Map<string, number>();
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  const all = [...sums.values()].reduce((sum, count) => sum + count, 0);
  return {
    kind: 'table',
    title: `${title} in ${LOG_S} s`,
    columns: [
      { name: title === 'Methods' ? 'method' : 'status' },
      { name: 'requests' },
      { name: 'share', unit: 'share' },
    ],
    rows: [...sums]
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => [name, count, all > 0 ? count / all : null]),
  };
}

const STEPS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, Number.POSITIVE_INFINITY];
const BAR = 24;

const histogram: View = {
  name: 'histogram',
  summary: 'How long requests take, as a histogram',
  async show(context) {
    const { durations } = await logLook(context);
    if (durations.length === 0) return [{ kind: 'note', text: `No request was finished in ${LOG_S} s.` }];
    const counts = STEPS.map(
      (step, i) => durations.filter((one) => one <= step && one > (STEPS[i - 1] ?? -1)).length,
    );
    const most = Math.max(...counts);
    return [
      {
        kind: 'table',
        title: `Time of ${durations.length} requests`,
        columns: [
          { name: 'up to', unit: 's' },
          { name: 'requests' },
          { name: 'share', unit: 'share' },
          { name: '' },
        ],
        rows: STEPS.map((step, i) => [
          Number.isFinite(step) ? step : 'more',
          counts[i] ?? 0,
          (counts[i] ?? 0) / durations.length,
          '█'.repeat(Math.ceil(((counts[i] ?? 0) / most) * BAR)),
        ]),
      },
    ];
  },
};

const overview: View = { ...stat, name: '' };

export const views: readonly View[] = [
  overview,
  stat,
  hits,
  misses,
  urls,
  methods,
  statuses,
  agents,
  top,
  histogram,
  log,
  backends,
];
