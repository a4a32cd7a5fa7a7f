import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { HEALTHY, type Mix, pathOf } from './mix.ts';
import { SITE } from './plan.ts';

/**
 * Open-loop traffic: requests leave at the set rate whatever comes back, as visitors do. Bounded in time and in
 * requests under way; what is over the bound counts as failed. Argument: a JSON of GeneratorOptions.
 */
export interface GeneratorOptions {
  readonly address: string;
  readonly rate: number;
  readonly seconds: number;
  readonly mixFile: string;
  readonly reportFile: string;
}

/** What the last seconds brought, and the totals; written each second. */
export interface TrafficReport {
  readonly at: number;
  readonly pid: number;
  readonly rate: number;
  readonly p50: number;
  readonly p95: number;
  readonly failedShare: number;
  readonly hitShare: number;
  readonly inFlight: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly total: number;
  readonly failed: number;
}

const WINDOW_MS = 5_000;
const MAX_IN_FLIGHT = 1_000;
const TIMEOUT_MS = 10_000;

interface Done {
  readonly at: number;
  readonly ms: number;
  readonly code: number;
  readonly hit: boolean;
}

function main(options: GeneratorOptions): void {
  const agent = new http.Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  const [host = '', port = '80'] = options.address.split(':');
  const started = Date.now();
  let window: Done[] = [];
  let sent = 0;
  let inFlight = 0;
  let total = 0;
  let failed = 0;
  let mix: Mix = HEALTHY;

  const done = (at: number, code: number, hit: boolean) => {
    total += 1;
    if (code === 0 || code >= 500) failed += 1;
    window.push({ at, ms: Date.now() - at, code, hit });
  };
  const send = () => {
    const at = Date.now();
    if (inFlight >= MAX_IN_FLIGHT) return done(at, 0, false);
    const { path, method } = pathOf(mix, Math.random);
    inFlight += 1;
    let over = false;
    const finish = (code: number, hit = false) => {
      if (over) return;
      over = true;
      inFlight -= 1;
      done(at, code, hit);
    };
    const headers = {
      Host: SITE,
      'User-Agent': 'lab-visitor',
      ...(Math.random() < 0.5 ? { Cookie: `visitor=${Math.floor(Math.random() * 1e6)}` } : {}),
    };
    const request = http.request(
      { host, port, path, method, agent, headers, timeout: TIMEOUT_MS },
      (response) => {
        response.resume();
        response.once('end', () =>
          finish(response.statusCode ?? 0, Number(response.headers['x-hits'] ?? 0) > 0),
        );
        response.once('error', () => finish(0));
      },
    );
    request.once('timeout', () => request.destroy(new Error('timeout')));
    request.once('error', () => finish(0));
    request.end();
  };
  const timer = setInterval(() => {
    const due = Math.floor(((Date.now() - started) / 1000) * options.rate);
    // After a stall of this process itself the lost requests are not sent all at once.
    if (due - sent > options.rate) sent = due - Math.ceil(options.rate);
    for (; sent < due; sent++) send();
    if (Date.now() - started > options.seconds * 1000) stop();
  }, 10);
  const reporter = setInterval(() => {
    mix = readMix(options.mixFile);
    const since = Date.now() - WINDOW_MS;
    window = window.filter((one) => one.at + one.ms >= since);
    const times = window.map((one) => one.ms).sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    const codes: Record<string, number> = {};
    for (const one of window) codes[one.code] = (codes[one.code] ?? 0) + 1;
    const bad = window.filter((one) => one.code === 0 || one.code >= 500).length;
    const report: TrafficReport = {
      at: Date.now(),
      pid: process.pid,
      rate: window.length / (WINDOW_MS / 1000),
      p50: at(0.5),
      p95: at(0.95),
      failedShare: window.length ? bad / window.length : 0,
      hitShare: window.length ? window.filter((one) => one.hit).length / window.length : 0,
      inFlight,
      codes,
      total,
      failed,
    };
    writeFileSync(`${options.reportFile}.new`, JSON.stringify(report));
    renameSync(`${options.reportFile}.new`, options.reportFile);
  }, 1000);
  function stop(): void {
    clearInterval(timer);
    clearInterval(reporter);
    process.exit(0);
  }
  process.once('SIGTERM', stop);
}

function readMix(file: string): Mix {
  try {
    return { ...HEALTHY, ...(JSON.parse(readFileSync(file, 'utf8')) as Partial<Mix>) };
  } catch {
    // No fault has changed the mix yet.
    return HEALTHY;
  }
}

main(JSON.parse(process.argv[2] ?? '{}') as GeneratorOptions);
