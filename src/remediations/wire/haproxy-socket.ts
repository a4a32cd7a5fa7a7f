import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { Target } from '../../targets/contract.ts';
import { socketAddress } from './address.ts';

const MAX_ANSWER = 4 * 1024 * 1024;

/** One command on HAProxy's runtime socket; it answers with text alone and closes. */
export async function haproxyAsk(
  target: Target,
  socket: string,
  command: string,
  signal: AbortSignal,
): Promise<string> {
  const stream = await target.connect(socketAddress(socket), { timeoutMs: 5000, signal });
  const abort = () => stream.destroy(new Error('its deadline passed'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    // The socket is not half-closed: over a forwarded stream HAProxy would drop the answer with the request.
    stream.write(`${command}\n`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER)
        throw new WarroomError('TARGET_CUT', { target: target.name, command, maxBytes: MAX_ANSWER });
    }
    return Buffer.concat(chunks).toString('utf8').trim();
  } catch (thrown) {
    if (thrown instanceof WarroomError) throw thrown;
    throw new WarroomError(
      'BAD_ANSWER',
      { target: target.name, expected: `HAProxy's answer to "${command}"`, problem: reason(thrown) },
      thrown,
    );
  } finally {
    signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}

/** A server as HAProxy itself sees it. */
export interface ServerState {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** 0 stopped, 1 starting (slow start), 2 running, 3 stopping. */
  readonly operation: number;
  /** A bit field; 0 is neither maintenance nor drain. */
  readonly admin: number;
  readonly weight: number;
}

const MAINTENANCE_BITS = 0x01 | 0x02 | 0x04 | 0x20 | 0x40;
const DRAIN_BITS = 0x08 | 0x10;
export const inMaintenance = (server: ServerState) => (server.admin & MAINTENANCE_BITS) !== 0;
export const draining = (server: ServerState) => (server.admin & DRAIN_BITS) !== 0;
export const serving = (server: ServerState) =>
  (server.operation === 2 || server.operation === 1) && server.admin === 0;

/** `show servers state` (format 1): a version line, a header line with #, then one line a server. */
export function parseServerStates(text: string, backend: string): ServerState[] {
  const lines = text.split('\n').map((line) => line.trim());
  const header = lines.find((line) => line.startsWith('#'));
  if (!header) throw new TypeError(text.slice(0, 120) || 'an empty answer');
  const names = header.replace(/^#\s*/, '').split(/\s+/);
  return lines.flatMap((line) => {
    const cells = line.split(/\s+/);
    if (line.startsWith('#') || cells.length < names.length - 1) return [];
    const cell = (name: string) => cells[names.indexOf(name)] ?? '';
    if (cell('be_name') !== backend) return [];
    return [
      {
        name: cell('srv_name'),
        address: cell('srv_addr'),
        port: Number(cell('srv_port')),
        operation: Number(cell('srv_op_state')),
        admin: Number(cell('srv_admin_state')),
        weight: Number(cell('srv_uweight')),
      },
    ];
  });
}

export interface ServerStat {
  /** Running and queued. */
  readonly sessions: number;
  /** Its maxconn; 0 where it has none. */
  readonly limit: number;
}

/** Sessions of each server and the backend's balance algorithm, from `show stat` (CSV). */
export function parseStat(
  text: string,
  backend: string,
): { readonly algorithm: string; readonly servers: ReadonlyMap<string, ServerStat> } {
  const [header = '', ...rows] = text.split('\n');
  const names = header.replace(/^#\s*/, '').split(',');
  const servers = new Map<string, ServerStat>();
  let algorithm = '';
  for (const row of rows) {
    const cells = row.split(',');
    const cell = (name: string) => cells[names.indexOf(name)] ?? '';
    if (cell('pxname') !== backend) continue;
    if (cell('svname') === 'BACKEND') algorithm = cell('algo');
    else if (cell('svname') !== 'FRONTEND')
      servers.set(cell('svname'), {
        sessions: Number(cell('scur')) + Number(cell('qcur')),
        limit: Number(cell('slim')),
      });
  }
  return { algorithm, servers };
}
