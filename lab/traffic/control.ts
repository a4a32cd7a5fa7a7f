import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inGroup, inNetwork } from '../host.ts';
import { isIn } from '../network.ts';
import { addressOf, namespace, type Part } from '../plan.ts';
import { daemon, ENV, until } from '../run.ts';
import type { LabState } from '../state.ts';
import type { GeneratorOptions } from './generator.ts';
import { type Mix, mixOf } from './mix.ts';
import type { TrafficReport } from './report.ts';

const GENERATOR = join(import.meta.dirname, 'generator.ts');
const CLIENT = 'client1';

/** Starts visitors with client1's address. The generator outlives this process, and ends after `seconds` at the latest. */
export async function startGenerator(state: LabState, rate: number, seconds: number): Promise<void> {
  await stopGenerator(state);
  const options: GeneratorOptions = {
    host: addressOf(state.number, 'web1'),
    port: 80,
    rate,
    seconds,
    mixFile: mixFile(state.root),
    reportFile: reportFile(state.root),
  };
  // Node comes from the machine, so it enters client1's network and CPU group, not its files.
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const node = [process.execPath, '--import', tsx, GENERATOR, JSON.stringify(options)];
  const env = { ...ENV, PATH: process.env['PATH'] };
  daemon(
    inGroup(namespace(state.number, CLIENT), [...inNetwork(state.number, CLIENT), ...node]),
    join(state.root, 'traffic.log'),
    env,
  );
  await until('traffic', () => readReport(state.root) !== undefined, 15_000);
}

export async function stopGenerator(state: LabState): Promise<void> {
  const pid = runningGenerator(state);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    await until('the end of the traffic', () => !isIn(state.number, CLIENT, pid), 5_000);
  }
  rmSync(reportFile(state.root), { force: true });
}

export function runningGenerator(state: LabState): number | undefined {
  const pid = readReport(state.root)?.pid;
  return pid !== undefined && isIn(state.number, CLIENT, pid) ? pid : undefined;
}

export function readReport(root: string): TrafficReport | undefined {
  const file = reportFile(root);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as TrafficReport) : undefined;
}

/** Changes what visitors ask for, over the healthy mix of what is up; traffic that runs follows within a second. */
export function writeMix(root: string, parts: readonly Part[], over: Partial<Mix>): void {
  writeFileSync(mixFile(root), JSON.stringify({ ...mixOf(parts), ...over }));
}

function mixFile(root: string): string {
  return join(root, 'mix.json');
}

function reportFile(root: string): string {
  return join(root, 'traffic.json');
}
