import { WarroomError } from '../../errors/catalogue.ts';
import { sh } from '../../targets/command.ts';
import {
  askHaproxy,
  parseInfo,
  parseServerStates,
  parseStatCsv,
  type ServerState,
} from '../../targets/haproxy-socket.ts';
import type { CollectContext } from '../contract.ts';
import { plain } from '../rate.ts';

export interface Server {
  readonly name: string;
  readonly status: string;
  readonly checkStatus: string;
  readonly weight: number;
  readonly current: number;
  readonly queue: number;
  readonly sinceSeconds: number;
  readonly sessions: number;
  /** Most sessions at once (maxconn); undefined where it has no limit. */
  readonly limit?: number;
  readonly failedConnects: number;
  readonly failedAnswers: number;
}

/** Where clients come in. */
export interface Frontend {
  readonly name: string;
  readonly status: string;
  readonly current: number;
  readonly most: number;
  readonly limit?: number;
  readonly badRequests: number;
  readonly denied: number;
}

export interface HaproxySnapshot {
  readonly frontends: readonly Frontend[];
  /** Of the whole process. */
  readonly connections?: number;
  readonly connectionLimit?: number;
  readonly pid: string;
  readonly uptimeSeconds: number;
  readonly backend: string;
  readonly algorithm: string;
  /** Counters and gauges of the backend's own row. */
  readonly totals: Readonly<Record<Total, number | undefined>>;
  readonly servers: readonly Server[];
  readonly addresses: readonly ServerState[];
}

const TOTALS = [
  'qcur',
  'stot',
  'req_tot',
  'hrsp_5xx',
  'econ',
  'eresp',
  'wretr',
  'qtime',
  'rtime',
  'wredis',
] as const;
export type Total = (typeof TOTALS)[number];

export async function collectHaproxy(context: CollectContext): Promise<HaproxySnapshot> {
  const { place, target, signal } = context;
  const config = place.service && place.stack.service(place.service.name, 'haproxy')?.config;
  const socket = config?.socket ?? '/run/haproxy/stats.sock';
  const backend = config?.backend ?? '';
  const commands = ['show info', 'show stat', `show servers state ${backend}`];
  try {
    return parseHaproxy(await askHaproxy(target, socket, commands, { signal }), backend, target.name);
  } catch (thrown) {
    throw await explained(thrown, context, socket);
  }
}

/**
 * Over SSH a socket that is not there, may not be opened or belongs to a HAProxy that ended all "open failed": the
 * host is asked which it is. The first two are rights to be given, with the exact lines.
 */
async function explained(
  thrown: unknown,
  { target, signal }: CollectContext,
  socket: string,
): Promise<unknown> {
  if (!(thrown instanceof WarroomError)) return thrown;
  if (thrown.code !== 'TARGET_UNREACHABLE' && thrown.code !== 'NO_RIGHT') return thrown;
  const looked = await target
    .read(
      sh`if ! [ -e ${socket} ]; then echo none; elif [ -w ${socket} ]; then echo open; else stat -c 'closed %G' ${socket}; id -un; fi`,
      { signal },
    )
    .catch(() => undefined);
  const [state = '', user = ''] = looked?.stdout.trim().split('\n') ?? [];
  const group = /^closed (\S+)$/.exec(state)?.[1];
  if (state !== 'none' && group === undefined) return thrown;
  const mend =
    group === undefined || group === 'root'
      ? `In the global section of haproxy.cfg: stats socket ${socket} mode 660 group haproxy level user; then usermod -aG haproxy ${user || 'warroom'}, and reload HAProxy. If its socket is elsewhere, set "socket".`
      : `On ${target.name}: usermod -aG ${group} ${user}`;
  return new WarroomError(
    'NO_RIGHT',
    { target: target.name, what: `read HAProxy's statistics at ${socket}`, mend },
    thrown,
  );
}

export function parseHaproxy(
  [info = '', stat = '', states = '']: readonly string[],
  backend: string,
  target: string,
): HaproxySnapshot {
  const about = parseInfo(info, target);
  const all = parseStatCsv(stat, target);
  const rows = all.filter((row) => row.get('pxname') === backend);
  const whole = rows.find((row) => row.get('svname') === 'BACKEND');
  if (!whole)
    throw new WarroomError('BAD_ANSWER', {
      target,
      expected: `the statistics of backend "${backend}"`,
      problem: 'HAProxy has no backend of that name',
    });
  const totals = Object.fromEntries(TOTALS.map((name) => [name, number(whole.get(name))])) as Record<
    Total,
    number | undefined
  >;
  return {
    pid: about.get('Pid') ?? '',
    uptimeSeconds: number(about.get('Uptime_sec')) ?? 0,
    backend,
    algorithm: plain(whole.get('algo') ?? ''),
    totals,
    servers: rows
      .filter((row) => row.get('type') === '2')
      .map((row) => ({
        name: plain(row.get('svname') ?? ''),
        status: plain(row.get('status') ?? ''),
        checkStatus: plain(
          `${row.get('check_status') ?? ''} ${row.get('check_desc') || row.get('last_chk') || ''}`.trim(),
        ),
        weight: number(row.get('weight')) ?? 0,
        current: number(row.get('scur')) ?? 0,
        queue: number(row.get('qcur')) ?? 0,
        sinceSeconds: number(row.get('lastchg')) ?? 0,
        sessions: number(row.get('stot')) ?? 0,
        failedConnects: number(row.get('econ')) ?? 0,
        failedAnswers: number(row.get('eresp')) ?? 0,
        ...limitOf(row),
      })),
    frontends: all
      .filter((row) => row.get('type') === '0')
      .slice(0, MOST_FRONTENDS)
      .map((row) => ({
        name: plain(row.get('pxname') ?? ''),
        status: plain(row.get('status') ?? ''),
        current: number(row.get('scur')) ?? 0,
        most: number(row.get('smax')) ?? 0,
        badRequests: number(row.get('ereq')) ?? 0,
        denied: number(row.get('dreq')) ?? 0,
        ...limitOf(row),
      })),
    ...process(about),
    addresses: parseServerStates(states, target).filter((server) => server.backend === backend),
  };
}

const MOST_FRONTENDS = 50;

/** An empty or zero limit is none. */
function limitOf(row: ReadonlyMap<string, string>): { limit?: number } {
  const limit = number(row.get('slim'));
  return limit ? { limit } : {};
}

function process(
  about: ReadonlyMap<string, string>,
): Pick<HaproxySnapshot, 'connections' | 'connectionLimit'> {
  const connections = number(about.get('CurrConns'));
  const connectionLimit = number(about.get('Maxconn'));
  return {
    ...(connections === undefined ? {} : { connections }),
    ...(connectionLimit ? { connectionLimit } : {}),
  };
}

function number(cell: string | undefined): number | undefined {
  return cell !== undefined && /^\d{1,16}$/.test(cell) ? Number(cell) : undefined;
}
