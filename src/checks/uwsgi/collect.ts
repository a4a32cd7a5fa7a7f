import { z } from 'zod';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { sh } from '../../targets/command.ts';
import type { Target } from '../../targets/contract.ts';
import { askSocket, socketAddress } from '../../targets/stream.ts';
import type { CollectContext, Timed } from '../contract.ts';
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

/** What workers were on at one look. */
export interface Sample {
  /** Paths of requests, with how many workers were on each; at most 100. */
  readonly paths: ReadonlyMap<string, number>;
}

export interface UwsgiSnapshot {
  /** This look and those before it, oldest first: a minute of them. */
  readonly samples?: readonly Sample[];
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

const DEFAULT_STATS = '127.0.0.1:9191';
const SAMPLES = 12;
const MOST_PATHS = 100;

export async function collectUwsgi(
  context: CollectContext,
  previous?: Timed<UwsgiSnapshot>,
): Promise<UwsgiSnapshot> {
  const { place, target, signal } = context;
  const service = place.service && place.stack.service(place.service.name, 'uwsgi');
  const address = service?.config.stats ?? DEFAULT_STATS;
  const text = await askSocket(target, socketAddress(address), '', {
    signal,
    // It is indented: only the last brace stands at the beginning of a line.
    whole: (answer) => /\n\}\s*$/.test(answer.slice(-8)),
  }).catch(async (thrown: unknown) => {
    throw await explained(thrown, context, address, service?.config.port ?? 0);
  });
  const stats = parseStats(text, target.name);
  const unix = stats.sockets.filter((socket) => /^[/@]/.test(socket.name));
  // The counter of uWSGI is always 0 for a unix socket; the kernel has the true one.
  const queues = unix.length > 0 ? await unixQueues(target, signal) : new Map<string, Queue>();
  const snapshot = toSnapshot(stats, queues);
  const before = previous?.snapshot.masterPid === snapshot.masterPid ? previous.snapshot.samples : undefined;
  return { ...snapshot, samples: [...(before ?? []).slice(1 - SAMPLES), sampleOf(snapshot)] };
}

function sampleOf({ workers }: UwsgiSnapshot): Sample {
  const paths = new Map<string, number>();
  for (const { path } of workers.flatMap((worker) => worker.inRequest))
    if (paths.has(path) || paths.size < MOST_PATHS) paths.set(path, (paths.get(path) ?? 0) + 1);
  return { paths };
}

/**
 * A socket of statistics that is closed to us, or is not there while the application listens, is a right to be given;
 * when nothing listens, uWSGI is down.
 */
async function explained(
  thrown: unknown,
  { target, signal }: CollectContext,
  stats: string,
  port: number,
): Promise<unknown> {
  if (!(thrown instanceof WarroomError)) return thrown;
  if (thrown.code !== 'TARGET_UNREACHABLE' && thrown.code !== 'NO_RIGHT') return thrown;
  const path = /^(?:unix[:@])?(\/.*)$/.exec(stats)?.[1] ?? '';
  const looked = await target
    .read(
      sh`id -un
if [ -S ${path} ]; then [ -w ${path} ] && echo open || stat -c 'closed %A %G' ${path}; else echo none; fi
ss -ltnH 'sport = :'${port} 2>/dev/null | head -n 1`,
      { signal },
    )
    .catch(() => undefined);
  const [user = 'warroom', state = '', listening = ''] = looked?.stdout.trim().split('\n') ?? [];
  const right = (mend: string) =>
    new WarroomError(
      'NO_RIGHT',
      { target: target.name, what: `read uWSGI's statistics at ${stats}`, mend },
      thrown,
    );
  const [, mode = '', group] = /^closed (\S+) (\S+)$/.exec(state) ?? [];
  if (group !== undefined) {
    const join = `usermod -aG ${group} ${user}`;
    return right(
      mode[5] === 'w'
        ? `On ${target.name}: ${join}`
        : `In the ini of uWSGI on ${target.name}: chmod-socket = 660, and ${join}; or stats = ${DEFAULT_STATS}. Then reload it.`,
    );
  }
  if (state !== 'none' || listening === '') return thrown;
  return right(
    `The application listens on port ${port}, its statistics do not: in the ini of uWSGI on ${target.name}: stats = ${path === '' ? stats : DEFAULT_STATS} and memory-report = true, then reload it. If they are elsewhere, set "stats" on the service.`,
  );
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
