import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Finding, Level, Reading, Unit } from '../checks/contract.ts';

/** Readings of one instance of a target. */
export interface InstanceReadings {
  readonly target: string;
  readonly instance: string;
  readonly readings: readonly Reading[];
}

export interface MetricsSource {
  /** The newest readings; those of what does not answer at the moment are left out. */
  readings(): readonly InstanceReadings[];
  findings(): readonly Finding[];
  openIncidents(): number;
}

const PREFIX = 'warroom_';
const HOUR_MS = 3_600_000;
const LEVELS: Readonly<Record<Level, number>> = { ok: 0, warn: 1, critical: 2, unknown: 3 };

/** Suffix of the name, what the internal name ends with when it says the unit itself, and the factor to base units. */
const UNITS: Readonly<Record<Unit, { suffix: string; own: RegExp; factor: number }>> = {
  s: { suffix: '_seconds', own: /_(s|seconds)$/, factor: 1 },
  ms: { suffix: '_seconds', own: /_(ms|milliseconds)$/, factor: 0.001 },
  B: { suffix: '_bytes', own: /_(b|bytes)$/, factor: 1 },
  share: { suffix: '_ratio', own: /_(share|ratio)$/, factor: 1 },
  '/s': { suffix: '_per_second', own: /_per_second$/, factor: 1 },
  cores: { suffix: '_cores', own: /_cores$/, factor: 1 },
  // What is counted is in the name already: servers_up, clients.
  count: { suffix: '', own: /(?!)/, factor: 1 },
  'B/s': { suffix: '_bytes_per_second', own: /_bytes_per_second$/, factor: 1 },
  'pages/s': { suffix: '_pages_per_second', own: /_(pages_)?per_second$/, factor: 1 },
};

/** `haproxy.queue_ms` in ms -> `warroom_haproxy_queue_seconds`: base units, as Prometheus names them. */
export function metricName(metric: string, unit: Unit): string {
  const { suffix, own } = UNITS[unit];
  const words = metric.toLowerCase().replace(/[^a-z0-9]+/g, '_');
  return `${PREFIX}${words.replace(own, '')}${suffix}`;
}

/** Every reading as a gauge, the levels of the checks, and Warroom's own process, in Prometheus' text format. */
export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #process = new Registry();

  constructor(private readonly source: MetricsSource) {
    // Its histogram of the event loop's lag would wake this process 100 times a second, half of what it costs at rest:
    // it is asked for one sample an hour, and left out.
    collectDefaultMetrics({
      register: this.#process,
      prefix: PREFIX,
      eventLoopMonitoringPrecision: HOUR_MS,
    });
    for (const part of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'])
      this.#process.removeSingleMetric(`${PREFIX}nodejs_eventloop_lag_${part}_seconds`);
    let before = performance.eventLoopUtilization();
    new Gauge({
      name: `${PREFIX}event_loop_busy_ratio`,
      help: 'Share of the time since it was last asked for in which the event loop was busy.',
      registers: [this.#process],
      collect() {
        const now = performance.eventLoopUtilization();
        this.set(performance.eventLoopUtilization(now, before).utilization);
        before = now;
      },
    });
  }

  async text(): Promise<string> {
    // Anew each time: a target that left must not keep its last value for ever.
    const registry = new Registry();
    this.#readings(registry);
    this.#levels(registry);
    new Gauge({
      name: `${PREFIX}open_incidents`,
      help: 'Incidents that are not resolved.',
      registers: [registry],
    }).set(this.source.openIncidents());
    return `${await registry.metrics()}\n${await this.#process.metrics()}`;
  }

  #readings(registry: Registry): void {
    const families = new Map<string, { reading: Reading; labels: Record<string, string> }[]>();
    for (const { target, instance, readings } of this.source.readings())
      for (const reading of readings) {
        const name = metricName(reading.metric, reading.unit);
        const family = families.get(name) ?? [];
        families.set(name, family);
        family.push({ reading, labels: { ...reading.labels, target, instance } });
      }
    for (const [name, samples] of families) {
      const first = samples[0] as (typeof samples)[number];
      const gauge = new Gauge({
        name,
        help: `${first.reading.metric}, as its system reads it.`,
        labelNames: [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))],
        registers: [registry],
      });
      for (const { reading, labels } of samples)
        if (Number.isFinite(reading.value)) gauge.set(labels, reading.value * UNITS[reading.unit].factor);
    }
  }

  #levels(registry: Registry): void {
    const gauge = new Gauge({
      name: `${PREFIX}check_level`,
      help: 'The worst finding of a check at a target: 0 ok, 1 warn, 2 critical, 3 unknown.',
      labelNames: ['check', 'target'],
      registers: [registry],
    });
    // A critical finding is worse than one that could not be looked at, whatever their numbers are.
    const order: readonly Level[] = ['ok', 'warn', 'unknown', 'critical'];
    const worst = new Map<string, Finding>();
    for (const finding of this.source.findings()) {
      const key = `${finding.check}@${finding.target}`;
      const known = worst.get(key);
      if (!known || order.indexOf(finding.level) > order.indexOf(known.level)) worst.set(key, finding);
    }
    for (const { check, target, level } of worst.values()) gauge.set({ check, target }, LEVELS[level]);
  }
}
