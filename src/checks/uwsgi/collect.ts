import { z } from 'zod';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { sh } from '../../targets/command.ts';
import type { Target } from '../../targets/contract.ts';
import { askSocket, socketAddress } from '../../targets/stream.ts';
import type { CollectContext } from '../contract.ts';
import { pathOf } from '../rate.ts';

export interface Slot {
  readonly path: string;
  /** Seconds of the host's clock, whole ones; 0 when uWSGI does not say. */
  readonly startedAt: number;
}

export interface Worker {
  readonly id: number;
  readonly pid: number;
  readonly status: string;
  readonly requests: number;
  readonly exceptions: number;
  readonly harakiri: number;
  readonly respawns: number;
  readonly rss: number;
  /** Seconds that requests took in all; grows when a request ends. */
  readonly runningSeconds: number;
  readonly apps: number;
  /** Requests it can work on at once (its threads). */
  readonly slots: number;
  readonly inRequest: readonly Slot[];
}

export interface UwsgiSnapshot {
  readonly masterPid: number;
  readonly queue: number;
  readonly queueMax: number;
  readonly workers: readonly Worker[];
}

const count = z.number().min(0).catch(0);
const Core = z.object({
  in_request: count,
  vars: z.array(z.string()).catch([]),
  req_info: z.object({ request_start: count.optional() }).catch({}),
});
const Stats = z.object({
  pid: count,
  listen_queue: count,
  sockets: z.array(z.object({ name: z.string(), queue: count, max_queue: count })).catch([]),
  workers: z.array(
    z.object({
      id: count,
      pid: count,
      status: z.string(),
      requests: count,
      exceptions: count,
      harakiri_count: count,
      respawn_count: count,
      rss: count,
      running_time: count,
      apps: z.array(z.unknown()).catch([]),
      cores: z.array(Core).catch([]),
    }),
  ),
});
type Stats = z.infer<typeof Stats>;

const EXPECTED = 'uWSGI statistics';

export async function collectUwsgi({ place, target, signal }: CollectContext): Promise<UwsgiSnapshot> {
  const service = place.service && place.stack.service(place.service.name, 'uwsgi');
  const text = await askSocket(target, socketAddress(service?.config.stats ?? '127.0.0.1:9191'), '', {
    signal,
    // It is indented: only the last brace stands at the beginning of a line.
    whole: (answer) => /\n\}\s*$/.test(answer.slice(-8)),
  });
  const stats = parseStats(text, target.name);
  const unix = stats.sockets.filter((socket) => /^[/@]/.test(socket.name));
  // The counter of uWSGI is always 0 for a unix socket; the kernel has the true one.
  const queues = unix.length > 0 ? await unixQueues(target, signal) : new Map<string, Queue>();
  return toSnapshot(stats, queues);
}

/** The statistics' JSON, with or without the headers of --stats-http. Throws BAD_ANSWER alone. */
export function parseStats(text: string, target: string): Stats {
  const body = text.startsWith('HTTP/') ? text.slice(text.indexOf('\r\n\r\n') + 4) : text;
  try {
    // uWSGI copies request variables as they came: a control character in a URL must not blind us.
    return Stats.parse(JSON.parse(body.replace(/[\u0000-\u001f]/g, ' ')));
  } catch (thrown) {
    const problem =
      thrown instanceof z.ZodError
        ? `${thrown.issues[0]?.path.join('.')}: ${thrown.issues[0]?.message}`
        : reason(thrown);
    throw new WarroomError('BAD_ANSWER', { target, expected: EXPECTED, problem }, thrown);
  }
}

export interface Queue {
  readonly queue: number;
  readonly max: number;
}

export function toSnapshot(stats: Stats, unixQueues: ReadonlyMap<string, Queue>): UwsgiSnapshot {
  const sockets = stats.sockets.map(
    (socket) => unixQueues.get(socket.name) ?? { queue: socket.queue, max: socket.max_queue },
  );
  return {
    masterPid: stats.pid,
    queue: sockets.length > 0 ? sockets.reduce((sum, socket) => sum + socket.queue, 0) : stats.listen_queue,
    queueMax: sockets.reduce((sum, socket) => sum + socket.max, 0),
    workers: stats.workers
      // A cheap slot that was never spawned has no id, a cheaped one no pid: neither can work.
      .filter((worker) => worker.pid > 0 && worker.status !== 'cheap')
      .map((worker) => ({
        id: worker.id,
        pid: worker.pid,
        status: worker.status,
        requests: worker.requests,
        exceptions: worker.exceptions,
        harakiri: worker.harakiri_count,
        respawns: worker.respawn_count,
        rss: worker.rss,
        runningSeconds: worker.running_time / 1e6,
        apps: worker.apps.length,
        slots: Math.max(1, worker.cores.length),
        inRequest: worker.cores
          .filter((core) => core.in_request > 0)
          .map((core) => ({
            path: pathFrom(core.vars),
            startedAt: core.req_info.request_start ?? 0,
          })),
      })),
  };
}

/** Of all request variables only the path is kept: the others hold cookies and authorization. */
function pathFrom(vars: readonly string[]): string {
  const value = (name: string) => vars.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const url = value('REQUEST_URI') ?? value('PATH_INFO');
  return url === undefined ? '(not named)' : pathOf(url);
}

async function unixQueues(target: Target, signal: AbortSignal): Promise<Map<string, Queue>> {
  const { stdout } = await target.read(sh`ss -lxnH 2>/dev/null`, { signal });
  return parseUnixQueues(stdout);
}

/** `ss -lxnH`: type, state, Recv-Q, Send-Q, path, … */
export function parseUnixQueues(text: string): Map<string, Queue> {
  const found = new Map<string, Queue>();
  for (const line of text.split('\n')) {
    const [, , queue, max, path] = line.trim().split(/\s+/);
    if (path && /^\d+$/.test(queue ?? '') && /^\d+$/.test(max ?? ''))
      found.set(path, { queue: Number(queue), max: Number(max) });
  }
  return found;
}
