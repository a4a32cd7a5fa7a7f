import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { SITE } from '../plan.ts';
import { HEALTHY, type Mix, pageOf } from './mix.ts';
import { byClass, countCodes, type Done, failed, figures, type TrafficReport } from './report.ts';

/**
 * Open-loop traffic: requests leave at the set rate whatever comes back, as visitors do. Bounded in time and in
 * requests under way; what is over the bound counts as failed. Argument: a JSON of GeneratorOptions.
 */
export interface GeneratorOptions {
  readonly host: string;
  readonly port: number;
  readonly rate: number;
  readonly seconds: number;
  /** Weights that faults have changed; read anew each second. */
  readonly mixFile: string;
  readonly reportFile: string;
}

const WINDOW_MS = 5_000;
const TICK_MS = 10;
const MAX_IN_FLIGHT = 2_000;
const TIMEOUT_MS = 10_000;
const NETWORKS = ['192.0.2', '198.51.100', '203.0.113'];

class Generator {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  readonly #started = Date.now();
  #window: Done[] = [];
  #mix: Mix = HEALTHY;
  #sent = 0;
  #inFlight = 0;
  #total = 0;
  #failed = 0;
  #shed = 0;

  constructor(readonly options: GeneratorOptions) {}

  run(): void {
    this.#mix = readMix(this.options.mixFile);
    setInterval(() => this.#tick(), TICK_MS);
    setInterval(() => this.#report(), 1_000);
    this.#report();
    process.once('SIGTERM', () => process.exit(0));
  }

  #tick(): void {
    const elapsed = (Date.now() - this.#started) / 1000;
    if (elapsed > this.options.seconds) process.exit(0);
    const due = Math.floor(elapsed * this.options.rate);
    // After a stall of this process the requests that it lost are not sent all at once.
    if (due - this.#sent > this.options.rate) this.#sent = due - Math.ceil(this.options.rate);
    for (; this.#sent < due; this.#sent++) this.#send();
  }

  #send(): void {
    const { kind, path, method } = pageOf(this.#mix, Math.random);
    const started = Date.now();
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      this.#shed += 1;
      this.#done({ kind, at: started, ms: 0, code: 0, hit: false });
      return;
    }
    this.#inFlight += 1;
    let over = false;
    const end = (code: number, hit = false) => {
      if (over) return;
      over = true;
      clearTimeout(deadline);
      this.#inFlight -= 1;
      const at = Date.now();
      this.#done({ kind, at, ms: at - started, code, hit });
    };
    const { host, port } = this.options;
    const headers = {
      Host: SITE,
      'User-Agent': 'lab-visitor',
      // As behind a CDN: visitors of several networks. RFC 5737 keeps these for documentation.
      'X-Forwarded-For': `${NETWORKS[Math.floor(Math.random() * NETWORKS.length)]}.${1 + Math.floor(Math.random() * 250)}`,
      Cookie: `visitor=${Math.floor(Math.random() * 1e6)}`,
    };
    const request = http.request({ host, port, path, method, headers, agent: this.#agent }, (response) => {
      response.resume();
      const hit = Number(response.headers['x-hits'] ?? 0) > 0;
      response.once('end', () => end(response.statusCode ?? 0, hit));
      response.once('error', () => end(0));
    });
    const deadline = setTimeout(() => request.destroy(new Error('no answer in time')), TIMEOUT_MS);
    request.once('error', () => end(0));
    request.end();
  }

  #done(one: Done): void {
    this.#total += 1;
    if (failed(one)) this.#failed += 1;
    this.#window.push(one);
  }

  #report(): void {
    this.#mix = readMix(this.options.mixFile);
    const now = Date.now();
    this.#window = this.#window.filter((one) => one.at >= now - WINDOW_MS);
    const seconds = Math.min(WINDOW_MS, Math.max(1_000, now - this.#started)) / 1000;
    const report: TrafficReport = {
      at: now,
      pid: process.pid,
      wanted: this.options.rate,
      windowSeconds: seconds,
      ...figures(this.#window, seconds),
      inFlight: this.#inFlight,
      codes: countCodes(this.#window),
      classes: byClass(this.#window, seconds),
      total: this.#total,
      failed: this.#failed,
      shed: this.#shed,
    };
    const { reportFile } = this.options;
    writeFileSync(`${reportFile}.new`, JSON.stringify(report));
    renameSync(`${reportFile}.new`, reportFile);
  }
}

function readMix(file: string): Mix {
  try {
    return { ...HEALTHY, ...(JSON.parse(readFileSync(file, 'utf8')) as Partial<Mix>) };
  } catch {
    // No fault has changed the mix.
    return HEALTHY;
  }
}

new Generator(JSON.parse(process.argv[2] ?? '{}') as GeneratorOptions).run();
