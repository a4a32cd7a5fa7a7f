import type { Measured, Place, Reading, Timed } from '../contract.ts';
import { growth, secondsBetween, share } from '../rate.ts';
import type { HaproxySnapshot, Server, Total } from './collect.ts';
import type { HaproxyFacts } from './facts.ts';

export function measureHaproxy(
  previous: Timed<HaproxySnapshot> | undefined,
  current: Timed<HaproxySnapshot>,
  place: Place,
): Measured<HaproxyFacts> {
  const { servers, totals, addresses, frontends, connections, connectionLimit } = current.snapshot;
  const up = servers.filter(isUp);
  const waiting = (totals.qcur ?? 0) + servers.reduce((sum, server) => sum + server.queue, 0);
  const readings: Reading[] = [
    { metric: 'haproxy.servers', value: servers.filter((one) => !isTakenOut(one)).length, unit: 'count' },
    { metric: 'haproxy.servers_up', value: up.length, unit: 'count' },
    { metric: 'haproxy.queue', value: waiting, unit: 'count' },
    ...servers.flatMap((server): Reading[] => [
      {
        metric: 'haproxy.server_up',
        value: isUp(server) ? 1 : 0,
        unit: 'count',
        labels: { server: server.name },
      },
      {
        metric: 'haproxy.server_sessions',
        value: server.current,
        unit: 'count',
        labels: { server: server.name },
      },
    ]),
    ...rates(previous, current, place),
  ];
  // Beyond them nobody is let in: what waits is in the kernel's queue, where HAProxy does not see it.
  if (connections !== undefined)
    readings.push({ metric: 'haproxy.connections', value: connections, unit: 'count' });
  if (connectionLimit !== undefined)
    readings.push({ metric: 'haproxy.connection_limit', value: connectionLimit, unit: 'count' });
  // HAProxy's own means over its last 1024 requests.
  if (totals.rtime !== undefined)
    readings.push({ metric: 'haproxy.response_ms', value: totals.rtime, unit: 'ms' });
  if (totals.qtime !== undefined)
    readings.push({ metric: 'haproxy.queue_ms', value: totals.qtime, unit: 'ms' });
  const states = new Map(addresses.map((one) => [one.name, one]));
  return {
    readings,
    facts: {
      algorithm: current.snapshot.algorithm,
      frontends,
      servers: servers.map((server) => ({
        ...server,
        address: states.get(server.name)?.address ?? '',
        port: states.get(server.name)?.port ?? 0,
        ...(server.status.startsWith('DOWN') ? { downSince: current.at - server.sinceSeconds * 1000 } : {}),
      })),
    },
  };
}

/** "UP", "UP 1/3" (going down), "no check" and "NOLB" serve what they have. */
export function isUp(server: Pick<Server, 'status'>): boolean {
  return /^(UP|no check|NOLB)/.test(server.status);
}

/** Taken out by a person: in maintenance or draining. */
export function isTakenOut(server: Pick<Server, 'status'>): boolean {
  return /^(MAINT|DRAIN)/.test(server.status);
}

function rates(
  previous: Timed<HaproxySnapshot> | undefined,
  current: Timed<HaproxySnapshot>,
  place: Place,
): Reading[] {
  const seconds = secondsBetween(previous, current);
  if (!previous || seconds === undefined) return [];
  const before = previous.snapshot;
  const now = current.snapshot;
  // A reload starts a new process, whose counters begin at 0 and may soon be above the old ones.
  if (before.pid !== now.pid || before.uptimeSeconds > now.uptimeSeconds) return [];
  const perSecond = (name: Total) => {
    const grown = growth(before.totals[name], now.totals[name]);
    return grown === undefined ? undefined : grown / seconds;
  };
  const sessions = perSecond('stot');
  const requests = perSecond('req_tot') ?? sessions;
  const failed = perSecond('hrsp_5xx');
  const retries = perSecond('wretr');
  const errorShare = failed === undefined || requests === undefined ? undefined : share(failed, requests);
  const readings: Reading[] = [];
  const add = (metric: string, value: number | undefined, unit: Reading['unit']) => {
    if (value !== undefined) readings.push({ metric, value, unit });
  };
  add('haproxy.sessions', sessions, '/s');
  add('haproxy.requests', requests, '/s');
  add('haproxy.errors_5xx', failed, '/s');
  add('haproxy.error_share', errorShare, 'share');
  add('haproxy.retries', retries, '/s');
  add('haproxy.redispatches', perSecond('wredis'), '/s');
  add('haproxy.failed_connects', perSecond('econ'), '/s');
  add('haproxy.failed_answers', perSecond('eresp'), '/s');
  // Where nothing stands in front, this is what visitors get.
  if (place.stack.entry()?.name === place.target) {
    add('visitors.requests', requests, '/s');
    add('visitors.errors', failed, '/s');
    add('visitors.error_share', errorShare, 'share');
  }
  return readings;
}
