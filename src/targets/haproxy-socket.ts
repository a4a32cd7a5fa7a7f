import { WarroomError } from '../errors/catalogue.ts';
import type { Target } from './contract.ts';
import { type AskOptions, askSocket, socketAddress } from './stream.ts';

const MAX_ANSWER = 4 * 1024 * 1024;

/**
 * Several commands on HAProxy's runtime socket, answered in order. A connection takes one line and is closed after
 * it; commands on a line are split by `;` (management.txt, 9.3), and each answer ends with an empty line. A single
 * command may answer nothing (that is how changes succeed); of several, each must say something.
 */
export async function askHaproxy(
  target: Target,
  socket: string,
  commands: readonly string[],
  options: AskOptions,
): Promise<string[]> {
  for (const command of commands)
    if (/[;\n\r]/.test(command)) throw new TypeError(`"${command}" is more than one command`);
  // Nothing is half-closed after the question: HAProxy would take that as a client that went away.
  const text = await askSocket(target, socketAddress(socket), `${commands.join('; ')}\n`, {
    maxBytes: MAX_ANSWER,
    // A change that succeeds answers nothing: only its end says so.
    ...(commands.length > 1 ? { whole: (text: string) => blocks(text) === commands.length } : {}),
    ...options,
  });
  return splitAnswers(text, commands, target.name);
}

/** Answers that ended with their empty line. */
function blocks(text: string): number {
  return text.endsWith('\n\n') ? (text.trim().match(/\n\n+/g)?.length ?? 0) + 1 : 0;
}

/** One command and what it answers: nothing, where a change succeeded. */
export async function askHaproxyOnce(
  target: Target,
  socket: string,
  command: string,
  signal: AbortSignal,
): Promise<string> {
  return (await askHaproxy(target, socket, [command], { signal }))[0] ?? '';
}

/** Cuts the answers apart. Only as many blocks as commands are an answer; a denied command says so in its own. */
export function splitAnswers(text: string, commands: readonly string[], target: string): string[] {
  const answers = text
    .replace(/^\n+/, '')
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '');
  const denied = answers.findIndex((block) => /^Permission denied/i.test(block.trim()));
  if (denied >= 0)
    throw new WarroomError('NO_RIGHT', {
      target,
      what: `ask HAProxy "${commands[denied] ?? commands[0] ?? ''}"`,
      mend: 'Give the socket a level that may: stats socket … level user (operator or admin to change things).',
    });
  if (commands.length === 1) return [text.trim()];
  if (answers.length < commands.length)
    throw bad(target, `${answers.length} answers to ${commands.length} commands`);
  return answers;
}

/** Rows of `show stat`: CSV whose header begins with "# "; quoted cells hold commas. */
export function parseStatCsv(text: string, target: string): Map<string, string>[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const header = lines[0];
  if (header === undefined || !header.startsWith('# pxname,'))
    throw bad(target, 'it does not begin with "# pxname,"');
  const names = csvCells(header.slice(2));
  return lines.slice(1).map((line) => {
    const cells = csvCells(line);
    // An answer cut off in the middle ends with a short row: half a row is no row.
    if (cells.length < Math.min(names.length - 1, 33)) throw bad(target, 'a row of show stat is cut off');
    return new Map(names.map((name, i) => [name, cells[i] ?? '']));
  });
}

function csvCells(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? '',
  );
}

/** One server of `show servers state`. */
export interface ServerState {
  readonly backend: string;
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

/** `show servers state`, format 1: a version line, a header line with "# ", one line a server. */
export function parseServerStates(text: string, target: string): ServerState[] {
  const lines = text.split('\n').map((line) => line.trim());
  const header = lines.find((line) => line.startsWith('# be_id'));
  if (header === undefined)
    throw bad(target, `show servers state has no header line: ${text.trim().slice(0, 120)}`);
  const names = header.slice(2).split(/\s+/);
  return lines.slice(lines.indexOf(header) + 1).flatMap((line) => {
    if (line === '') return [];
    const cells = line.split(/\s+/);
    const cell = (name: string) => cells[names.indexOf(name)] ?? '';
    const number = (name: string) => (/^\d+$/.test(cell(name)) ? Number(cell(name)) : 0);
    if (cells.length < names.indexOf('srv_port') + 1)
      throw bad(target, 'a row of show servers state is cut off');
    return [
      {
        backend: cell('be_name'),
        name: cell('srv_name'),
        address: cell('srv_addr'),
        port: number('srv_port'),
        operation: number('srv_op_state'),
        admin: number('srv_admin_state'),
        weight: number('srv_uweight'),
      },
    ];
  });
}

export interface ServerLoad {
  /** Running and queued. */
  readonly sessions: number;
  /** Its maxconn; 0 where it has none. */
  readonly limit: number;
}

/** The load of each server of a backend and its balance algorithm, from `show stat`. */
export function parseBackendLoad(
  text: string,
  backend: string,
  target: string,
): { readonly algorithm: string; readonly servers: ReadonlyMap<string, ServerLoad> } {
  const rows = parseStatCsv(text, target).filter((row) => row.get('pxname') === backend);
  const number = (row: Map<string, string>, name: string) => Number(row.get(name) || 0);
  return {
    algorithm: rows.find((row) => row.get('svname') === 'BACKEND')?.get('algo') ?? '',
    servers: new Map(
      rows
        .filter((row) => !['BACKEND', 'FRONTEND'].includes(row.get('svname') ?? ''))
        .map((row) => [
          row.get('svname') ?? '',
          { sessions: number(row, 'scur') + number(row, 'qcur'), limit: number(row, 'slim') },
        ]),
    ),
  };
}

/** `show info`: a "Name: value" line each. */
export function parseInfo(text: string, target: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([^:]+):\s?(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) found.set(name, value.trim());
  }
  if (!found.has('Uptime_sec')) throw bad(target, 'show info has no Uptime_sec');
  return found;
}

function bad(target: string, problem: string): WarroomError {
  return new WarroomError('BAD_ANSWER', { target, expected: "an answer of HAProxy's socket", problem });
}
