import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from './host.ts';
import type { Lab } from './lab.ts';
import { inParts } from './plan.ts';
import { until } from './run.ts';
import { findService, SERVICES } from './services/index.ts';
import type { Service } from './services/service.ts';

/** Starts a server and waits until it answers; nothing when it runs already. */
export async function startServer(lab: Lab, service: Service): Promise<void> {
  const place = lab.place;
  const started = !(await runs(lab, service));
  if (started) {
    const log = join(hostDir(lab.root, service.host), 'log', 'starts.log');
    appendFileSync(log, `${new Date().toISOString()} ${service.name}\n`);
    await script(lab, service.host, service.start(place));
  }
  await until(
    `an answer of ${service.name} (its log is in ${hostDir(lab.root, service.host)}/log)`,
    () => service.ready(place),
    40_000,
  );
  const settle = service.settle?.(place);
  if (started && settle !== undefined) await script(lab, service.host, settle);
}

/** Asks a server to end and waits for it; nothing when it does not run. */
export async function stopServer(lab: Lab, service: Service): Promise<void> {
  if (!(await runs(lab, service))) return;
  const [signal, ask] = [service.stopSignal ?? 'TERM', service.process];
  await lab.exec(service.host, ['pkill', `-${signal}`, '-o', ...ask]).catch(() => undefined);
  await until(`the end of ${service.name}`, async () => !(await runs(lab, service)), 30_000);
}

/** Starts all servers of a host that `up` would start. */
export async function startHost(lab: Lab, host: string): Promise<void> {
  const services = servicesOn(lab, host).filter((service) => !service.idle);
  if (services.length === 0) throw new RangeError(`${host} runs no server.`);
  for (const service of services) await startServer(lab, service);
}

/** A server by its name, of a part that is up. */
export function serverOf(lab: Lab, name: string): Service {
  const service = findService(name);
  if (inParts([service], lab.state.parts).length === 0)
    throw new RangeError(`${name} belongs to ${service.parts.join(' or ')}, which is not up here.`);
  return service;
}

export function servicesOn(lab: Lab, host: string): Service[] {
  return inParts(SERVICES, lab.state.parts).filter((service) => service.host === host);
}

function runs(lab: Lab, service: Service): Promise<boolean> {
  return lab.exec(service.host, ['pgrep', ...service.process]).then(
    () => true,
    () => false,
  );
}

/** By standard input: what is in it is nobody's to see in a list of processes. */
async function script(lab: Lab, host: string, lines: string): Promise<void> {
  await lab.exec(host, ['sh', '-s'], { input: `set -e\n${lines}\n` });
}
