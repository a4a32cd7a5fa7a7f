import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findFault } from './faults/index.ts';
import { hostDir, inHost } from './host.ts';
import { LIMITS } from './limits.ts';
import { addressOf, hostOf, namespace } from './plan.ts';
import { run, runAsync, until } from './run.ts';
import { SERVICES } from './services/index.ts';
import { type LabState, needState, writeState } from './state.ts';
import { readReport, startGenerator, stopGenerator, writeMix } from './traffic/control.ts';
import type { TrafficReport } from './traffic/report.ts';

/** A lab that is up: what its faults, its traffic and the tests do to it. */
export class Lab {
  readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
  }

  get state(): LabState {
    return needState(this.root);
  }

  address(host: string): string {
    return addressOf(this.state.number, host);
  }

  /** Runs a command inside a host as root. It counts against the host's CPU, or that of another group. */
  exec(
    host: string,
    argv: readonly string[],
    options: { readonly input?: string; readonly group?: string } = {},
  ): Promise<string> {
    const { number, hosts } = this.state;
    const first = hosts[hostOf(host).name];
    if (first === undefined) throw new Error(`${host} has not booted.`);
    return runAsync(inHost(number, host, first, argv, options), options.input);
  }

  /** Starts the server of a host and waits until it answers. */
  async startService(host: string): Promise<void> {
    const service = SERVICES.find((one) => one.host === host);
    if (!service) throw new RangeError(`${host} runs no server.`);
    const place = { root: this.root, number: this.state.number };
    const script = `set -e\n${service.start(place)}\n`;
    appendFileSync(join(hostDir(this.root, host), 'log', 'starts.log'), `${new Date().toISOString()}\n`);
    await this.exec(host, ['sh', '-c', script]);
    await until(
      `an answer of ${host}'s server (its log is in ${hostDir(this.root, host)}/log)`,
      () => service.ready(place),
      40_000,
    );
  }

  varnishadm(...words: readonly string[]): Promise<string> {
    return this.exec('web1', ['varnishadm', ...words]);
  }

  /** A switch that the application looks at for each request. */
  flag(name: string, on: boolean): void {
    const file = join(this.root, 'site', 'flags', name);
    if (on) writeFileSync(file, '');
    else rmSync(file, { force: true });
  }

  /** Switches a fault; saying it twice changes nothing. */
  async fault(name: string, on: boolean, options: { readonly host?: string } = {}): Promise<void> {
    const fault = findFault(name);
    const host = this.state.faults[name]?.host ?? options.host ?? fault.host ?? '';
    if (fault.host !== undefined) hostOf(host);
    else if (options.host !== undefined) throw new RangeError(`${name} has no host to choose.`);
    const { [name]: _, ...others } = this.state.faults;
    const faults = on ? { ...others, [name]: { host } } : others;
    writeState({ ...this.state, faults });
    writeMix(this.root, Object.assign({}, ...Object.keys(faults).map((one) => findFault(one).mix ?? {})));
    await (on ? fault.on(this, { host }) : fault.off(this, { host }));
  }

  /** What `calibrate` found for this lab, else the rate that needs no calibration. */
  get defaultRate(): number {
    const file = calibrationFile(this.root);
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { rate: number }).rate : LIMITS.rate;
  }

  /** Starts traffic at a rate in requests a second, from client1; it replaces what ran before, and 0 stops it. */
  async traffic(rate: number = this.defaultRate, seconds: number = LIMITS.trafficSeconds): Promise<void> {
    if (rate > 0) await startGenerator(this.state, rate, seconds);
    else await stopGenerator(this.state);
    writeState({ ...this.state, rate });
  }

  /** How the visitors fare; undefined before any traffic. */
  report(): TrafficReport | undefined {
    return readReport(this.root);
  }

  /** Cuts a host off the network, or plugs it in again. */
  plug(host: string, connected: boolean): void {
    run(['ip', '-n', namespace(this.state.number, host), 'link', 'set', 'eth0', connected ? 'up' : 'down']);
  }
}

export function calibrationFile(root: string): string {
  return join(root, 'calibration.json');
}
