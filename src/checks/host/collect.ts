import { sh } from '../../targets/command.ts';
import { answer, type Looking } from './answer.ts';
import type { Disk, Listener } from './facts.ts';
import { badAnswer, sections } from './sections.ts';

export { collectFacts, collectTwice } from './collect-facts.ts';
export { collectProcesses, detailsOf } from './collect-processes.ts';

export interface SocketsSnapshot {
  readonly listeners: readonly Listener[];
}

/** `state listening` and not `-l`: the latter has the kernel walk its table of all connections, four times the cost. */
const READ_SOCKETS = sh`ss -txnH state listening && echo end`;

export async function collectSockets(context: Looking): Promise<SocketsSnapshot> {
  const { stdout, stderr } = await answer(context, READ_SOCKETS, 'ss');
  return { listeners: parseListeners(stdout, context.target.name, stderr) };
}

/** `Netid Recv-Q Send-Q Local Peer`; ss leaves out the first where only one kind is asked for. */
export function parseListeners(text: string, target: string, stderr = ''): Listener[] {
  const lines = text.split('\n');
  if (lines.at(-2) !== 'end')
    throw badAnswer(target, 'a list of ss', stderr.trim() || 'it ends in the middle');
  return lines.flatMap((line) => {
    const match = /^(?:(?:tcp|u_\w+) +)?(\d+) +(\d+) +(\S+)/.exec(line);
    return match
      ? [{ address: match[3] as string, waiting: Number(match[1]), backlog: Number(match[2]) }]
      : [];
  });
}

export interface DisksSnapshot {
  readonly disks: readonly Disk[];
}

/** Local disks only: a network file system whose server is gone would hang the look. */
const READ_DISKS = sh`df -PkTl; echo '==> /inodes <=='; df -PTil; echo '==> /end <=='`;

export async function collectDisks(context: Looking): Promise<DisksSnapshot> {
  // In a channel of its own: df may hang on a dying disk, and must not hold up the host's other reads.
  const { stdout } = await answer(context, READ_DISKS, 'df', 'exec');
  return { disks: parseDisks(stdout, context.target.name) };
}

/** Memory and read-only images are always as full as they are meant to be. */
const NO_DISKS =
  /^(tmpfs|devtmpfs|ramfs|squashfs|iso9660|erofs|proc|sysfs|cgroup2?|efivarfs|fuse\..*|autofs)$/;

export function parseDisks(text: string, target: string): Disk[] {
  const parts = sections(`==> /blocks <==\n${text}`);
  const blocks = parts.get('/blocks');
  if (blocks === undefined || !parts.has('/end') || !/^Filesystem .*Type /.test(blocks))
    throw badAnswer(
      target,
      'a table of df',
      blocks === undefined || blocks === '' ? 'it is empty' : 'it ends in the middle',
    );
  const inodes = new Map(rowsOf(parts.get('/inodes') ?? '').map((row) => [row.mount, row]));
  return rowsOf(blocks).flatMap(({ device, type, used, available, mount }) => {
    if (NO_DISKS.test(type) || used + available <= 0) return [];
    const nodes = inodes.get(mount);
    const total = nodes ? nodes.used + nodes.available : 0;
    return [
      {
        mount,
        device,
        type,
        sizeBytes: (used + available) * 1024,
        availableBytes: available * 1024,
        // As df says it: what is kept for root counts as used up.
        usedShare: used / (used + available),
        ...(nodes && total > 0 ? { inodesUsedShare: nodes.used / total } : {}),
      },
    ];
  });
}

function rowsOf(table: string) {
  return table.split('\n').flatMap((line) => {
    const match = /^(\S.*?) +(\S+) +(\d+|-) +(\d+|-) +(-?\d+|-) +(?:\d+%|-) +(\/.*)$/.exec(line);
    if (!match) return [];
    const number = (text: string | undefined) => Math.max(0, Number(text === '-' ? 0 : text));
    return [
      {
        device: match[1] as string,
        type: match[2] as string,
        used: number(match[4]),
        available: number(match[5]),
        mount: match[6] as string,
      },
    ];
  });
}
