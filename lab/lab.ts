import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULTS } from './faults/index.ts';
import type { TrafficReport } from './generator.ts';
import { hostDir, inHost, isHosts } from './host.ts';
import { LIMITS } from './limits.ts';
import type { Mix } from './mix.ts';
import { addressOf, namespace } from './plan.ts';
import { daemon, ENV, runAsync, tried, until } from './run.ts';
import { CLI, SECRET } from './services/varnish.ts';
import { type LabState, needState, writeState } from './state.ts';

const GENERATOR = join(import.meta.dirname, 'generator.ts');

/** A lab that is up: what its faults, its traffic and the tests do to it. */
export class Lab {
  constructor(readonly root: string) {}

  get state(): LabState {
    return needState(this.root);
  }

  address(host: string): string {
    return addressOf(this.state.number, host);
  }

  /** Runs a command inside a host as root; absolute paths or the system's PATH. */
  exec(host: string, argv: readonly string[], input?: string): Promise<string> {
    return runAsync(this.#in(host, argv), input);
  }

  /** Starts a process inside a host that lives until the host ends. */
  daemon(host: string, argv: readonly string[]): void {
    daemon(this.#in(host, ['setsid', ...argv]), join(hostDir(this.root, host), 'services.log'));
  }

  varnishadm(...words: readonly string[]): Promise<string> {
    return this.exec('web1', ['varnishadm', '-T', CLI, '-S', SECRET, ...words]);
  }

  /** A switch that the application looks at for each request. */
  flag(name: string, on: boolean): void {
    const file = join(this.root, 'site', 'flags', name);
    if (on) writeFileSync(file, '');
    else rmSync(file, { force: true });
  }

  /** Changes what visitors ask for, over the healthy mix. */
  mix(over: Partial<Mix>): void {
    writeFileSync(join(this.root, 'mix.json'), JSON.stringify(over));
  }

  async fault(name: string, on: boolean): Promise<void> {
    const fault = FAULTS.find((one) => one.name === name);
    if (!fault)
      throw new RangeError(
        `There is no fault ${name}. There is ${FAULTS.map((one) => one.name).join(', ')}.`,
      );
    await (on ? fault.on(this) : fault.off(this));
    const { state } = this;
    writeState({ ...state, faults: [...state.faults.filter((one) => one !== name), ...(on ? [name] : [])] });
  }

  /** Starts traffic at a rate in requests per second, from client1's address; 0 stops it. Whatever ran before is replaced. */
  async traffic(rate: number, seconds: number = LIMITS.trafficSeconds): Promise<void> {
    await this.#stopTraffic();
    writeState({ ...this.state, rate });
    if (rate <= 0) return;
    const { number } = this.state;
    const options = {
      address: `${this.address('web1')}:80`,
      rate,
      seconds,
      mixFile: join(this.root, 'mix.json'),
      reportFile: this.#report,
    };
    daemon(
      [
        'ip',
        'netns',
        'exec',
        namespace(number, 'client1'),
        process.execPath,
        '--import',
        import.meta.resolve('tsx'),
        GENERATOR,
        JSON.stringify(options),
      ],
      join(this.root, 'traffic.log'),
      { ...ENV, PATH: process.env['PATH'] },
    );
    await until('traffic', () => this.report() !== undefined, 15_000);
  }

  report(): TrafficReport | undefined {
    if (!existsSync(this.#report)) return undefined;
    return JSON.parse(readFileSync(this.#report, 'utf8')) as TrafficReport;
  }

  /** Cuts a host off the network, or plugs it in again. */
  plug(host: string, connected: boolean): void {
    tried(['ip', '-n', namespace(this.state.number, host), 'link', 'set', 'eth0', connected ? 'up' : 'down']);
  }

  get #report(): string {
    return join(this.root, 'traffic.json');
  }

  async #stopTraffic(): Promise<void> {
    const running = this.report();
    if (running && isHosts(this.state.number, 'client1', running.pid)) {
      process.kill(running.pid, 'SIGTERM');
      await until('traffic to stop', () => !isHosts(this.state.number, 'client1', running.pid), 5_000);
    }
    rmSync(this.#report, { force: true });
  }

  #in(host: string, argv: readonly string[]): string[] {
    const { number, hosts } = this.state;
    const first = hosts[host];
    if (first === undefined) throw new RangeError(`The lab has no host ${host}.`);
    return inHost(number, host, first, argv);
  }
}

export function makeSite(root: string): void {
  mkdirSync(join(root, 'site', 'flags'), { recursive: true, mode: 0o755 });
  writeFileSync(join(root, 'site', 'shop.py'), readFileSync(join(import.meta.dirname, 'site', 'shop.py')));
}
