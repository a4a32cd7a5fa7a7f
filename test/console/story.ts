import type {
  IncidentJson,
  NoteJson,
  ProposalJson,
  SeriesJson,
  ServiceJson,
  StatusJson,
  StepJson,
} from '../../src/bot/contract.ts';
import type { Finding } from '../../src/checks/contract.ts';
import { own, paragraph, say, strong, time } from '../../src/message/build.ts';
import type { Message } from '../../src/message/contract.ts';

/** The launch of the story: a shop whose legacy redirects overload its application at 20:14:05 in Berlin. */
export const STARTED = Date.UTC(2026, 10, 24, 19, 14, 5);
export const NOW = STARTED + 55_000;
/** What an attacker might put into a URL or a process name. */
export const HOSTILE =
  '<img src=x onerror="globalThis.hacked=1"> <!channel> @everyone \u202egnp.exe\u202c [a](https://evil.example) https://evil.example/x';

export function wave(metric: string, target: string, unit: SeriesJson['unit'], values: Wave): SeriesJson {
  const points = Array.from({ length: 121 }, (_, i): readonly [number, number] => {
    const at = NOW - (120 - i) * 5000;
    const since = at - STARTED;
    const rise = since < 0 ? 0 : Math.min(1, since / 20_000);
    const noise = (Math.sin(i * 1.7) + Math.sin(i * 0.61 + 1)) * 0.06;
    return [at, Math.max(0, (values.calm + (values.hot - values.calm) * rise) * (1 + noise))];
  });
  return {
    metric,
    target,
    unit,
    points,
    ...(values.limit === undefined ? {} : { limit: values.limit }),
    changes: values.changes ?? [],
  };
}
interface Wave {
  readonly calm: number;
  readonly hot: number;
  readonly limit?: number;
  readonly changes?: SeriesJson['changes'];
}

const finding = (given: Partial<Finding> & Pick<Finding, 'check' | 'target' | 'summary'>): Finding => ({
  level: 'ok',
  cleared: false,
  certain: false,
  basis: 'enough',
  evidence: [],
  ...given,
});

export const redirects = finding({
  check: 'varnish.redirects',
  target: 'edge',
  level: 'critical',
  summary: '24 redirects/s of /legacy/* reach the application (limit 2/s)',
  value: 24,
  unit: '/s',
  threshold: 2,
  evidence: [],
  advice: 'Let Varnish keep them: a permanent redirect does not change.',
});
const busy = finding({
  check: 'uwsgi.busy',
  target: 'app',
  level: 'critical',
  summary: '6 of 6 workers busy for 40 s (limit 80 %)',
  value: 1,
  unit: 'share',
  threshold: 0.8,
});

function service(given: Partial<ServiceJson> & Pick<ServiceJson, 'name' | 'kind' | 'figures'>): ServiceJson {
  return { on: [], level: 'ok', at: NOW - 2000, intervalMs: 5000, spark: null, findings: [], ...given };
}

export function services(hot: boolean, now = NOW): ServiceJson[] {
  const level = hot ? ('critical' as const) : ('ok' as const);
  const deploy = [{ at: STARTED - 180_000, what: 'mark: v2 out' }];
  const at = (calm: number, high: number) => ({ calm, hot: hot ? high : calm });
  const rows = [
    service({
      name: 'edge',
      kind: 'varnish',
      on: ['web1'],
      figures: hot ? '71 % true hits · 240 req/s' : '91 % true hits · 240 req/s',
      level: hot ? 'warn' : 'ok',
      spark: wave('varnish.hit_share', 'edge', 'share', { ...at(0.91, 0.71), limit: 0.8, changes: deploy }),
      findings: hot ? [redirects] : [],
    }),
    service({
      name: 'balancer',
      kind: 'haproxy',
      on: ['lb1'],
      figures: hot ? '3 of 3 up · queue 34' : '3 of 3 up · queue 0',
      level: hot ? 'warn' : 'ok',
      spark: wave('haproxy.queue', 'balancer', 'count', { ...at(0, 34), limit: 10 }),
    }),
    service({
      name: 'app',
      kind: 'uwsgi',
      on: ['app1', 'app2', 'app3'],
      figures: hot ? '6 of 6 busy · 34 waiting' : '2.1 of 6 busy · mean 97 ms',
      level,
      spark: wave('uwsgi.busy_workers', 'app', 'count', { ...at(2.1, 6), limit: 4.8, changes: deploy }),
      findings: hot ? [busy] : [],
    }),
    service({ name: 'shopdb', kind: 'postgres', on: ['db1'], figures: '', level: 'unwatched', at: null }),
    service({
      name: 'cache',
      kind: 'memcached',
      on: ['web1'],
      figures: '96 % hits · 0.4 ms',
      at: NOW - 64_000,
      level: 'unknown',
    }),
  ];
  return rows.map((row) => (row.at === null ? row : { ...row, at: row.at - NOW + now }));
}

export function hosts(now = NOW): ServiceJson[] {
  return ['web1', 'lb1', 'app1', 'app2', 'app3', 'db1'].map((name, i) =>
    service({
      name,
      kind: 'host',
      at: now - 3000,
      on: [name],
      figures: `CPU ${[22, 9, 61, 58, 63, 18][i]} % · load ${[0.8, 0.2, 1.9, 1.8, 2.0, 0.5][i]} of 2`,
      spark: wave('host.cpu_busy', name, 'share', { calm: 0.2, hot: 0.3 + i * 0.06 }),
      ...(name === 'db1' ? { level: 'set-up' as const } : {}),
    }),
  );
}

export const hello: NoteJson = {
  id: 'n1',
  at: STARTED - 1_200_000,
  editedAt: null,
  message: {
    blocks: [
      { kind: 'heading', tone: 'ok', text: say`${own('Watching Shop relaunch')}` },
      paragraph(say`6 hosts, 5 services, 52 checks. Type ${own('status')} or ${own('help')} below.`),
    ],
  },
};
export const mark: NoteJson = {
  id: 'n2',
  at: STARTED - 180_000,
  editedAt: null,
  message: { blocks: [paragraph(say`${strong('Mark:')} ${'v2 out'} (${'Ben'})`)] },
};
export const setUpCard: NoteJson = {
  id: 'n3',
  at: STARTED - 1_190_000,
  editedAt: null,
  message: {
    blocks: [
      { kind: 'heading', tone: 'set-up', text: [own('1 thing to finish')] },
      {
        kind: 'fields',
        rows: [
          { tone: 'set-up', name: say`shopdb on db1`, value: say`sees only its own queries` },
          { tone: 'ok', name: say`app on app1`, value: say`stats socket found at 127.0.0.1:9191` },
        ],
      },
      { kind: 'code', language: 'sql', text: 'GRANT pg_monitor TO warroom;' },
    ],
  },
};

export function head(hot: boolean, owner: string | null): Message {
  if (!hot)
    return {
      blocks: [
        {
          kind: 'heading',
          tone: 'ok',
          word: 'RESOLVED',
          text: say`${own('#12 ')}${'Legacy redirects overload the app'} · ${time(STARTED)}-${time(STARTED + 455_000)} ${own('(7 min 35 s)')}`,
        },
        paragraph(say`${strong('Fixed:')} 12-A redirects cached (${'ada'})`),
        paragraph(
          say`${strong('Cost:')} about 1,090 of 109,000 requests failed (1 %), p95 was 2.9 s at worst.`,
        ),
      ],
    };
  return {
    blocks: [
      {
        kind: 'heading',
        tone: 'critical',
        text: say`${own('#12 ')}${'Legacy redirects overload the app'} · since ${time(STARTED)}`,
      },
      paragraph(
        say`${strong('Visitors:')} p95 2.9 s (limit 1 s) · 1.2 % errors · 240 req/s, about 3 requests/s fail`,
      ),
      paragraph(
        say`${strong('Why:')} ${'/legacy/*'} is 24 of 71 req/s reaching the app but 60 % of its time. All are 301 with "no-store", so Varnish asks again each time.`,
      ),
      paragraph(say`Sure: what is seen agrees. Ruled out: database, deploy.`),
      {
        kind: 'table',
        title: 'Redirects that reach the application, last 60 s',
        columns: [
          { name: 'url' },
          { name: 'status' },
          { name: 'rate', unit: '/s' },
          { name: 'time', unit: 'ms' },
          { name: 'share', unit: 'share' },
        ],
        rows: [
          ['/legacy/summer-sale', 301, 9.4, 412, 0.236],
          ['/legacy/about-us', 301, 6.1, 398, 0.148],
          ['/legacy/category/shoes', 301, 5.2, 405, 0.131],
          ['/legacy/contact', 308, 2.2, 377, 0.052],
          [HOSTILE, 301, 1.1, 380, 0.033],
        ],
      },
      paragraph(
        say`${strong('Next:')} 12-A ${'cache them'} (cure) · 12-B ${'add app4'} (relief). Waiting for an approver.${owner ? say` ${owner} has it.` : own('')}`,
      ),
      paragraph(say`Holds back 3 symptoms: ${'uwsgi.busy@app, haproxy.queue@balancer, host.load@app1'}`),
      {
        kind: 'actions',
        actions: [
          ...(owner
            ? []
            : [{ kind: 'acknowledge' as const, id: '12', label: 'Acknowledge', style: 'plain' as const }]),
          { kind: 'silence', id: '12', label: 'Silence', style: 'plain' },
        ],
      },
    ],
  };
}

const step = (
  index: number,
  target: string,
  type: string,
  command: string,
  undo: string | null,
): StepJson => ({
  index,
  type,
  target,
  command,
  undo,
  state: 'planned',
  at: null,
  ms: null,
  problem: null,
});

const VCL = `vcl.inline wr_12a << WR
vcl 4.1;
include "/etc/varnish/default.vcl";
sub vcl_recv {
  if (req.url ~ "^/legacy/[A-Za-z0-9/_.~%-]*$") { unset req.http.Cookie; return (hash); }
}
sub vcl_backend_response {
  if (bereq.url ~ "^/legacy/" && (beresp.status == 301 || beresp.status == 308)) {
    unset beresp.http.Set-Cookie; set beresp.ttl = 365d;
  }
}
WR`;

export function proposals(): ProposalJson[] {
  const common = {
    incident: '12',
    state: 'pending' as const,
    expiresAt: STARTED + 900_000,
    approvals: [],
    needed: 1,
    askers: [],
    waits: null,
    outcome: null,
    patch: null,
  };
  return [
    {
      ...common,
      id: '12-A',
      remediation: 'cache-rule',
      title: 'Keep /legacy/* redirects in Varnish for a year',
      effect: 'cure',
      risk: 'low',
      params: { service: 'edge', pattern: '^/legacy/', statuses: [301, 308], ttl: '365d' },
      planHash: `7f3a91${'0c'.repeat(29)}`,
      expects: 'busy workers 6.0 -> 2.4 of 6 (±0.5). Each URL asks the app once more.',
      undo: 'vcl.use boot, by itself if busy is not under 4.8 within 60 s.',
      steps: [
        step(0, 'web1', 'varnish.load', VCL, 'vcl.discard wr_12a'),
        step(1, 'web1', 'varnish.warm', 'vcl.state wr_12a warm', null),
        step(2, 'web1', 'varnish.use', 'vcl.use wr_12a', 'vcl.use boot'),
      ],
      verify: [
        { name: 'busy workers', unit: 'count', before: 6, after: null, wanted: 4.8, verdict: null },
        { name: 'p95', unit: 's', before: 2.9, after: null, wanted: 1, verdict: null },
      ],
    },
    {
      ...common,
      id: '12-B',
      remediation: 'add-app-server',
      title: 'Add app4 to the pool',
      effect: 'relief',
      risk: 'high',
      params: { service: 'app', server: 'app4' },
      planHash: `b20c4e${'1d'.repeat(29)}`,
      expects: 'busy 6 of 6 -> 6 of 8, p95 2.9 -> about 1.6 s.',
      undo: 'set server shop/app4 state maint, then del server.',
      steps: [
        step(0, 'lb1', 'haproxy.add', 'add server shop/app4 10.77.0.24:8000 check', 'del server shop/app4'),
        step(1, 'lb1', 'haproxy.ready', 'enable server shop/app4', 'set server shop/app4 state maint'),
      ],
      verify: [{ name: 'p95', unit: 's', before: 2.9, after: null, wanted: 1.8, verdict: null }],
    },
  ];
}

export function incident(): IncidentJson {
  return {
    id: '12',
    state: 'open',
    level: 'critical',
    title: 'Legacy redirects overload the app',
    since: STARTED,
    resolvedAt: null,
    owner: null,
    cause: 'hot-uncached-redirects',
    confidence: 'sure',
    waiting: ['12-A', '12-B'],
    targets: ['edge', 'app'],
    findings: [redirects],
    heldBack: ['uwsgi.busy@app', 'haproxy.queue@balancer', 'host.load@app1'],
    failedRequests: 148,
    messages: [{ id: 'h12', role: 'head', at: STARTED, editedAt: STARTED + 5000, message: head(true, null) }],
    proposals: proposals(),
    timeline: [
      { at: STARTED, what: 'opened: 24 redirects/s of /legacy/* reach the application' },
      { at: STARTED + 5000, what: 'cause: hot-uncached-redirects (sure)' },
      { at: STARTED + 5200, what: 'proposed 12-A and 12-B' },
    ],
  };
}

export function resolvedBefore(): IncidentJson {
  return {
    ...incident(),
    id: '11',
    state: 'resolved',
    level: 'warn',
    title: 'Requests queue for the application',
    since: STARTED - 900_000,
    resolvedAt: STARTED - 780_000,
    owner: 'ben',
    waiting: [],
    findings: [],
    heldBack: [],
    proposals: [],
    messages: [
      {
        id: 'h11',
        role: 'head',
        at: STARTED - 900_000,
        editedAt: STARTED - 780_000,
        message: {
          blocks: [
            {
              kind: 'heading',
              tone: 'ok',
              word: 'RESOLVED',
              text: say`${own('#11 ')}${'Requests queue for the application'} · ${time(STARTED - 900_000)}-${time(STARTED - 780_000)} (2 min)`,
            },
            paragraph(say`${strong('Cost:')} about 0 of 28,800 requests failed (0 %).`),
          ],
        },
      },
    ],
    timeline: [
      { at: STARTED - 900_000, what: 'opened: 12 requests wait (limit 10)' },
      { at: STARTED - 780_000, what: 'resolved' },
    ],
  };
}

export function status(hot: boolean, at: number): StatusJson {
  return {
    launch: { name: 'Shop relaunch', timezone: 'Europe/Berlin' },
    at,
    level: hot ? 'critical' : 'ok',
    visitors: hot
      ? { requests: 240, p95: 2.9, errorShare: 0.012, limit: 1, at: at - 2000 }
      : { requests: 240, p95: 0.18, errorShare: 0, limit: 1, at: at - 2000 },
    services: services(hot, at),
    hosts: hosts(at),
    incidents: [],
    setUp: [
      {
        id: 's1',
        target: 'shopdb on db1',
        what: 'sees only its own queries',
        mend: 'GRANT pg_monitor TO warroom;',
        done: false,
      },
      {
        id: 's2',
        target: 'app on app1',
        what: 'stats socket found at 127.0.0.1:9191',
        mend: '',
        done: true,
      },
    ],
    counts: hot ? { ok: 47, warn: 2, critical: 2, unknown: 1 } : { ok: 51, warn: 0, critical: 0, unknown: 1 },
    handsOff: null,
    silences: [],
    message: {
      blocks: [
        {
          kind: 'heading',
          tone: hot ? 'critical' : 'ok',
          text: say`${'Shop relaunch'} · ${time(at)}`,
        },
        {
          kind: 'fields',
          rows: services(hot).map((row) => ({
            ...(row.level === 'unwatched' ? {} : { tone: row.level }),
            name: say`${row.name}`,
            value: say`${row.figures || 'not watched yet'}`,
          })),
        },
      ],
    },
  };
}
