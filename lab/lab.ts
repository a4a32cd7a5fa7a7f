import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeCpuGroup } from './cgroup.ts';
import { mariadb, memcached, psql, redis, type SqlOptions } from './clients.ts';
import { type DaemonOptions, startDaemon, stopDaemon } from './daemons.ts';
import { findFault } from './faults/index.ts';
import { bootHost, inHost } from './host.ts';
import { BOOT_CORES, LIMITS } from './limits.ts';
import { endFirst, isIn } from './network.ts';
import { addressOf, coresOf, HOSTS, hostOf, inParts, namespace, type PlannedHost } from './plan.ts';
import { run, runAsync } from './run.ts';
import { type Passwords, passwordsOf } from './secrets.ts';
import { serverOf, servicesOn, startHost, startServer, stopServer } from './servers.ts';
import type { Place } from './services/service.ts';
import { type LabState, needState, writeState } from './state.ts';
import { readReport, startGenerator, stopGenerator, writeMix } from './traffic/control.ts';
import type { TrafficReport } from './traffic/report.ts';

/**
 * A lab that is up: what its faults, its traffic and the tests do to it. Failing commands throw an Error with the last
 * words of the command; a host, server or part that is not there is a RangeError.
 */
export class Lab {
  readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
  }

  get state(): LabState {
    return needState(this.root);
  }

  get passwords(): Passwords {
    return passwordsOf(this.root);
  }

  get place(): Place {
    const { number, parts } = this.state;
    return { root: this.root, number, parts, passwords: this.passwords };
  }

  /** Hosts that are up. */
  get hosts(): PlannedHost[] {
    return inParts(HOSTS, this.state.parts);
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

  /** Starts the servers of a host that `up` starts, and waits until they answer. */
  async startService(host: string): Promise<void> {
    await startHost(this, host);
  }

  /** Starts one server by its name, such as `pgbouncer@db1`, and waits until it answers. Twice changes nothing. */
  async startServer(name: string): Promise<void> {
    await startServer(this, serverOf(this, name));
  }

  /** Asks a server to end and waits for it. Twice changes nothing. */
  async stopServer(name: string): Promise<void> {
    await stopServer(this, serverOf(this, name));
  }

  /** Whether a host runs; it may be cut off the network all the same. */
  isUp(host: string): boolean {
    const first = this.state.hosts[hostOf(host).name];
    return first !== undefined && isIn(this.state.number, host, first);
  }

  /** Lifts a host's cap while its servers start; the cap is back afterwards. */
  async boosted(host: string, work: () => Promise<void>): Promise<void> {
    const { number, capped } = this.state;
    if (!capped) return work();
    makeCpuGroup(namespace(number, host), Math.max(coresOf(host), BOOT_CORES));
    try {
      await work();
    } finally {
      makeCpuGroup(namespace(number, host), coresOf(host));
    }
  }

  /** Ends a host as a power cut does: its first process is killed, and the kernel ends everything else in it. */
  async killHost(host: string): Promise<void> {
    const first = this.state.hosts[hostOf(host).name];
    if (first !== undefined) await endFirst(this.state.number, host, first);
  }

  /** Boots a host that was killed, with its files as they were, and starts its servers. */
  async rebootHost(host: string): Promise<void> {
    await this.killHost(host);
    const first = await bootHost(this.root, this.state.number, hostOf(host));
    writeState({ ...this.state, hosts: { ...this.state.hosts, [host]: first } });
    if (servicesOn(this, host).some((service) => !service.idle))
      await this.boosted(host, () => startHost(this, host));
  }

  varnishadm(...words: readonly string[]): Promise<string> {
    return this.exec('web1', ['varnishadm', ...words]);
  }

  /** Statements on a PostgreSQL host (db1, db2) as a role, without a password. Rows in lines, "|" between columns. */
  psql(host: string, sql: string, options: SqlOptions = {}): Promise<string> {
    return psql(this, host, sql, options);
  }

  /** Statements on a MariaDB host (my1, my2). Rows in lines, tabs between columns. */
  mariadb(host: string, sql: string, options: SqlOptions = {}): Promise<string> {
    return mariadb(this, host, sql, options);
  }

  /** A command line such as `stats slabs` to the memcached of cache1 or cache2; several are parted by \r\n. */
  memcached(host: string, command: string): Promise<string> {
    return memcached(this.address(host), command);
  }

  /** A command to the broker: `redis('LLEN', 'celery')`. */
  redis(...words: readonly string[]): Promise<string> {
    return redis(this, words);
  }

  /**
   * A long-running process inside a host, which outlives this one; the lab remembers it, and `stopDaemon` and `down`
   * end it with all that it started. Output: /var/log/NAME.log of the host. `env` shows in no list of processes.
   */
  async daemon(
    host: string,
    name: string,
    argv: readonly string[],
    options: DaemonOptions = {},
  ): Promise<void> {
    const started = await startDaemon(this, host, name, argv, options);
    writeState({ ...this.state, daemons: [...this.#daemonsBut(host, name), started] });
  }

  /** Ends a daemon by its id; nothing when there is none. */
  async stopDaemon(host: string, name: string): Promise<void> {
    await stopDaemon(this, host, name);
    writeState({ ...this.state, daemons: this.#daemonsBut(host, name) });
  }

  #daemonsBut(host: string, name: string): LabState['daemons'] {
    return this.state.daemons.filter((one) => one.host !== host || one.name !== name);
  }

  /** A switch that the application looks at for each request. */
  flag(name: string, on: boolean): void {
    const file = join(this.root, 'site', 'flags', name);
    if (on) writeFileSync(file, '');
    else rmSync(file, { force: true });
  }

  /** Switches a fault; saying it twice changes nothing. RangeError where it has nothing to break here. */
  async fault(name: string, on: boolean, options: { readonly host?: string } = {}): Promise<void> {
    const fault = findFault(name);
    const { parts, faults: before } = this.state;
    const missing = fault.parts?.filter((part) => !parts.includes(part)) ?? [];
    if (missing.length > 0)
      throw new RangeError(`${name} needs ${missing.join(' and ')}; this lab has ${parts.join(', ')} only.`);
    const host = before[name]?.host ?? options.host ?? fault.host ?? '';
    if (fault.host !== undefined) this.#mustBeUp(host);
    else if (options.host !== undefined) throw new RangeError(`${name} has no host to choose.`);
    const { [name]: _, ...others } = before;
    const faults = on ? { ...others, [name]: { host } } : others;
    writeState({ ...this.state, faults });
    const mixes = Object.keys(faults).map((one) => findFault(one).mix ?? {});
    writeMix(this.root, parts, Object.assign({}, ...mixes));
    await (on ? fault.on(this, { host }) : fault.off(this, { host }));
  }

  #mustBeUp(host: string): void {
    const planned = hostOf(host);
    if (inParts([planned], this.state.parts).length === 0)
      throw new RangeError(`${host} belongs to ${planned.parts.join(' or ')}, which is not up here.`);
  }

  /** What `calibrate` found for this lab, else the rate that needs no calibration. */
  get defaultRate(): number {
    const file = calibrationFile(this.root);
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { rate: number }).rate : LIMITS.rate;
  }

  /** Starts traffic at a rate in requests a second, from client1; it replaces what ran before, and 0 stops it. */
  async traffic(rate: number = this.defaultRate, seconds: number = LIMITS.trafficSeconds): Promise<void> {
    if (!this.state.parts.includes('web'))
      throw new RangeError(`Visitors need web; this lab has ${this.state.parts.join(', ')} only.`);
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
