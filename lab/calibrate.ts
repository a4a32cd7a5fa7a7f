import { writeFileSync } from 'node:fs';
import { cpuSeconds } from './cgroup.ts';
import { calibrationFile, type Lab } from './lab.ts';
import { CPU_CORES, LIMITS } from './limits.ts';
import { HOSTS, namespace } from './plan.ts';

const FAULT = 'no-redirect-cache';
/** Varnish has to fill first; the measuring then covers several seconds of visitors. */
const SETTLE_MS = 6_000;
const MEASURE_MS = 6_000;
/** Of what three servers can do: too much for three, all that four can do, and well within what five can do. */
const LOAD = 1.32;
/** Most of their CPU that three servers may be busy with while healthy. */
const COMFORTABLE = 0.5;

export interface Calibration {
  /** Requests a second that saturate three servers and not five while `no-redirect-cache` is on. */
  readonly rate: number;
  /** CPU of the application for one visitor's request, in ms: healthy, and with the fault on. */
  readonly healthyMs: number;
  readonly faultMs: number;
  /** Share of three servers' CPU that the healthy site needs at that rate. */
  readonly healthyBusy: number;
}

/**
 * Measures what a visitor costs the application at a rate that it can carry, and solves for the rate that it cannot.
 * Leaves the lab healthy and without traffic.
 */
export async function calibrate(lab: Lab, say: (line: string) => void): Promise<Calibration> {
  if (!lab.state.parts.includes('web')) throw new RangeError('Only web can be calibrated, and it is not up.');
  if (!lab.state.capped)
    throw new Error('Without CPU caps there is nothing to calibrate: three servers are as fast as five.');
  const probeRate = LIMITS.rate / 3;
  try {
    await lab.fault(FAULT, false);
    await lab.traffic(probeRate, 120);
    const healthyMs = await costMs(lab, probeRate);
    say(`healthy: ${healthyMs.toFixed(1)} ms of the application's CPU a request`);
    await lab.fault(FAULT, true);
    const faultMs = await costMs(lab, probeRate);
    say(`${FAULT}: ${faultMs.toFixed(1)} ms`);
    const threeServersMs = 3 * CPU_CORES.app * 1000;
    const rate = Math.round((LOAD * threeServersMs) / faultMs);
    const healthyBusy = (rate * healthyMs) / threeServersMs;
    say(
      `at ${rate} requests/s the healthy site keeps three servers ${(healthyBusy * 100).toFixed(0)} % busy`,
    );
    if (healthyBusy > COMFORTABLE)
      throw new Error(
        `That is not comfortable (above ${COMFORTABLE * 100} %): this machine needs other caps in lab/limits.ts.`,
      );
    const result = { rate, healthyMs, faultMs, healthyBusy };
    writeFileSync(calibrationFile(lab.root), `${JSON.stringify(result, null, 2)}\n`);
    return result;
  } finally {
    await lab.fault(FAULT, false);
    await lab.traffic(0);
  }
}

async function costMs(lab: Lab, rate: number): Promise<number> {
  await wait(SETTLE_MS);
  const before = appSeconds(lab);
  const started = Date.now();
  await wait(MEASURE_MS);
  return ((appSeconds(lab) - before) * 1000) / ((rate * (Date.now() - started)) / 1000);
}

function appSeconds(lab: Lab): number {
  return HOSTS.filter((host) => host.role === 'uwsgi')
    .map((host) => cpuSeconds(namespace(lab.state.number, host.name)) ?? 0)
    .reduce((sum, seconds) => sum + seconds, 0);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
