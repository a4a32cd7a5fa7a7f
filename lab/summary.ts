import type { LabStatus } from './status.ts';

/** The status for a person. */
export function summary(status: LabStatus): string {
  const on = Object.entries(status.faults).filter(([, state]) => state === 'on');
  return [
    `Lab ${status.number} in ${status.root}: ${status.public ?? status.parts.join(', ')}${status.public ? ` (${status.site})` : ''}`,
    `Hosts: ${Object.entries(status.hosts)
      .map(([name, host]) => `${name} ${host.address}`)
      .join(', ')}`,
    `Faults on: ${on.map(([name]) => name).join(', ') || 'none'}`,
    `Traffic: ${traffic(status)}`,
    `Config: ${status.config}`,
  ].join('\n');
}

function traffic({ traffic: { running, report } }: LabStatus): string {
  if (!running || !report) return 'none';
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  return `${report.rate.toFixed(0)}/s of ${report.wanted}/s, p50 ${report.p50} ms, p95 ${report.p95} ms, ${percent(report.hitShare)} from the cache, ${percent(report.failedShare)} failed, ${report.inFlight} under way`;
}
