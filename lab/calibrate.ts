import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds } from './cgroup.ts';
import type { Lab } from './lab.ts';
import { LIMITS } from './limits.ts';
import { HOSTS, namespace } from './plan.ts';

const SETTLE_MS = 8_000;
const MEASURE_MS = 8_000;

export interface Calibration {
  /** Requests per second that saturate three servers and not five while `no-redirect-cache` is on. */
  readonly rate: number;
  /** CPU of the application per visitor request, in ms: healthy, and with the fault on. */
  readonly healthyMs: number;
  readonly faultMs: number;
}

/** Measures what a visitor costs the application and solves for the rate: 130 % of what three servers can do. */
export async function calibrate(lab: Lab, say: (line: string) => void): Promise<Calibration> {
  const probeRate = LIMITS.rate / 3;
  const costMs = async () => {
    await wait(SETTLE_MS);
    const before = appSeconds(lab);
    await wait(MEASURE_MS);
    return ((appSeconds(lab) - before) * 1000) / ((probeRate * MEASURE_MS) / 1000);
  };
  await lab.traffic(probeRate, 60);
  const healthyMs = await costMs();
  say(`healthy: ${healthyMs.toFixed(2)} ms of application CPU a visitor request`);
  await lab.fault('no-redirect-cache', true);
  const faultMs = await costMs();
  say(`no-redirect-cache: ${faultMs.toFixed(2)} ms`);
  await lab.fault('no-redirect-cache', false);
  await lab.traffic(0);
  const perServer = HOSTS.find((host) => host.role === 'uwsgi')?.cores ?? 0;
  const rate = Math.round((3 * perServer * 1000 * 1.3) / faultMs);
  const result = { rate, healthyMs, faultMs };
  writeFileSync(join(lab.root, 'calibration.json'), JSON.stringify(result, null, 2));
  return result;
}

function appSeconds(lab: Lab): number {
  return HOSTS.filter((host) => host.role === 'uwsgi').reduce(
    (sum, host) => sum + cpuSeconds(namespace(lab.state.number, host.name)),
    0,
  );
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
