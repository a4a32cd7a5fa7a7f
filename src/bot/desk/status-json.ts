import type { Finding, Level } from '../../checks/contract.ts';
import type { Config } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import type { History } from '../../history/history.ts';
import { worst } from '../../schedule/judging.ts';
import type { Watcher } from '../../schedule/watcher.ts';
import type { IncidentSummary, SeriesJson, ServiceJson, SetUpJson, StatusJson } from '../contract.ts';
import type { Visitors } from '../views/head.ts';
import { statusMessage } from '../views/status.ts';

/** The figure whose line stands beside a row. */
const SPARKS: Readonly<Record<string, string>> = {
  varnish: 'varnish.hit_share',
  haproxy: 'haproxy.queue',
  uwsgi: 'uwsgi.busy_workers',
  host: 'host.cpu_busy',
  celery: 'celery.backlog',
  memcached: 'memcached.hit_share',
  postgres: 'postgres.active',
  pgbouncer: 'pgbouncer.waiting',
  mysql: 'mysql.active',
};
const SPARK_MS = 10 * 60_000;

export interface StatusInput {
  readonly config: Config;
  readonly stack: Stack;
  readonly watcher: Watcher;
  readonly history: History;
  readonly incidents: readonly IncidentSummary[];
  readonly handsOff: StatusJson['handsOff'];
  readonly silences: StatusJson['silences'];
  readonly setUp: readonly SetUpJson[];
  readonly now: number;
}

export function statusJson(input: StatusInput): StatusJson {
  const { config, stack, watcher, now } = input;
  const findings = watcher.findings();
  const { setUp } = input;
  const byTarget = new Map<string, Finding[]>();
  for (const finding of findings) {
    const known = byTarget.get(finding.target);
    if (known) known.push(finding);
    else byTarget.set(finding.target, [finding]);
  }
  const services = ordered(stack).map((name) =>
    row(
      input,
      name,
      (stack.services.get(name) as { kind: string }).kind,
      stack.hostsOf(name),
      byTarget.get(name) ?? [],
      setUp,
    ),
  );
  const hosts = [...stack.hosts.keys()].map((name) =>
    row(input, name, 'host', [name], byTarget.get(name) ?? [], setUp),
  );
  const levels = findings.map((finding) => finding.level);
  const count = (level: Level) => levels.filter((one) => one === level).length;
  const open = input.incidents.filter((incident) => incident.resolvedAt === null);
  const status = {
    launch: { name: config.launch.name, timezone: config.launch.timezone },
    at: now,
    level:
      open.length > 0
        ? worst(open.map((incident) => incident.level))
        : findings.length > 0 && levels.every((level) => level === 'unknown')
          ? ('unknown' as const)
          : ('ok' as const),
    visitors: visitorsOf(stack, input.history, config),
    services,
    hosts,
    incidents: input.incidents,
    setUp,
    counts: { ok: count('ok'), warn: count('warn'), critical: count('critical'), unknown: count('unknown') },
    handsOff: input.handsOff,
    silences: input.silences,
  };
  return { ...status, message: statusMessage(status) };
}

/** What visitors get, from the service that they meet first. */
export function visitorsOf(
  stack: Stack,
  history: History,
  config: Config,
): (Visitors & { at: number }) | null {
  const entry = stack.entry();
  if (!entry) return null;
  const latest = (metric: string) => history.latest({ metric, target: entry.name });
  const requests = latest('visitors.requests');
  if (!requests) return null;
  return {
    requests: requests.value,
    p95: latest('visitors.p95')?.value ?? null,
    errorShare: latest('visitors.error_share')?.value ?? null,
    limit: config.launch.p95,
    at: requests.at,
  };
}

export function series(
  history: History,
  watcher: Watcher,
  metric: string,
  target: string,
  windowMs: number,
): SeriesJson {
  const points = history.series({ metric, target, windowMs });
  const since = points[0]?.at ?? 0;
  return {
    metric,
    target,
    unit: history.unit(target, metric) as SeriesJson['unit'],
    points: points.map((point) => [point.at, point.value] as const),
    changes: watcher
      .changes()
      .filter((change) => change.at >= since)
      .map((change) => ({ at: change.at, what: change.what })),
  };
}

function row(
  input: StatusInput,
  name: string,
  kind: string,
  on: readonly string[],
  findings: readonly Finding[],
  setUp: readonly SetUpJson[],
): ServiceJson {
  const { watcher, history } = input;
  const instances = watcher.instances(name);
  const system = watcher.system(kind);
  const metric = SPARKS[kind];
  const needsSetUp =
    instances.length === 0 && setUp.some((item) => !item.done && item.target.startsWith(`${name} on `));
  const spark = metric ? series(history, watcher, metric, name, SPARK_MS) : null;
  return {
    name,
    kind,
    on,
    level:
      system?.collectors.length === 0
        ? 'unwatched'
        : needsSetUp
          ? 'set-up'
          : findings.length === 0
            ? 'unknown'
            : worst(findings.map((finding) => finding.level)),
    figures: instances.length > 0 && system ? system.figures(instances) : '',
    ...watcher.freshness(name),
    spark: spark && spark.points.length > 0 ? spark : null,
    findings,
  };
}

/** From visitors down: what nothing stands before comes first. */
function ordered(stack: Stack): string[] {
  const depth = (name: string, seen: ReadonlySet<string> = new Set()): number =>
    seen.has(name)
      ? 0
      : Math.max(0, ...stack.above(name).map((above) => 1 + depth(above, new Set([...seen, name]))));
  return [...stack.services.keys()].sort((a, b) => depth(a) - depth(b));
}
