import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { cpuGroup, makeCpuGroup } from '../../../lab/cgroup.ts';
import { sideGroup } from '../../../lab/host.ts';
import type { Lab } from '../../../lab/index.ts';
import type { Finding } from '../../../src/checks/contract.ts';
import type { LabRow, Row, TestRow } from '../row.ts';
import { grown, memcachedStats, near, percent } from './native.ts';

const TICKS_PER_SECOND = 100;
/** Processes are looked at every 15 s, disks every 30 s. */
const SLOW_LOOK_S = 90;
/** A load average of a minute falls as it rose; and lab and bot have only just been started. */
const LOAD_SETTLES_S = 60;
const LOAD_FALLS_S = 150;

export const HOST_ROWS: readonly Row[] = [
  {
    check: 'host.pinned-core',
    parts: ['cache'],
    fault: 'pinned-core',
    host: 'cache2',
    mine: ({ target }) => target === 'cache2',
    evidence: [/nightly-report/, /process \d+/, /"sh-\d+"/, /quota/],
    figure: async (lab, finding) => {
      const stat = ['cat', `/proc/${pidOf(finding)}/stat`];
      const ticks = async () => {
        const fields = (await lab.exec(finding.target, stat)).replace(/^.*\) /, '').split(' ');
        return { ticks: Number(fields[11]) + Number(fields[12]) };
      };
      const more = await grown(ticks, 5);
      const cores = more.ticks / TICKS_PER_SECOND / more.seconds;
      return near(finding, cores, cores * 0.15, `/proc/${pidOf(finding)}/stat: ${cores.toFixed(3)} cores`);
    },
  },
  {
    check: 'host.python-memory',
    parts: ['cache'],
    fault: 'python-memory',
    host: 'cache1',
    mine: ({ target }) => target === 'cache1',
    firesWithin: SLOW_LOOK_S,
    evidence: [/leaky-report/, /python3-\d+/, /"nobody"/, /recycle workers/],
    figure: async (lab, finding) => {
      const text = await lab.exec(finding.target, ['ps', '-o', 'rss=', '-p', pidOf(finding)]);
      const bytes = Number(text) * 1024;
      return near(finding, bytes, bytes * 0.03, `ps: RSS ${(bytes / 1e6).toFixed(0)} MB`);
    },
  },
  {
    check: 'host.disk',
    parts: ['cache'],
    fault: 'disk-full',
    host: 'cache2',
    mine: ({ target, subject }) => target === 'cache2' && subject === '/var/backups',
    firesWithin: SLOW_LOOK_S,
    evidence: [/\/var\/backups/, /of its space used/, /du -xh \/var\/backups/],
    figure: async (lab, finding) => {
      const text = await lab.exec(finding.target, ['df', '-P', '/var/backups']);
      const [, used = 0, free = 0] = /\s(\d+)\s+(\d+)\s+\d+%/.exec(text)?.map(Number) ?? [];
      const share = used / (used + free);
      return near(finding, share, 0.005, `df: ${used} KiB used, ${free} free, ${percent(share)}`);
    },
  },
  {
    check: 'host.backlog',
    parts: ['cache'],
    fault: {
      name: 'deaf-listener: a program that listens and accepts nobody',
      on: (lab) => lab.daemon('cache1', DEAF, ['/usr/bin/python3', '-c', DEAF_PYTHON]),
      off: (lab) => lab.stopDaemon('cache1', DEAF),
    },
    mine: ({ target }) => target === 'cache1',
    evidence: [/:9099/, /"waiting"/, /accepts too slowly/, /ss -tlnp/],
    figure: async (lab, finding) => {
      const text = await lab.exec(finding.target, ['ss', '-ltnH', 'sport = :9099']);
      const [, waiting = 0, room = 0] = /^LISTEN\s+(\d+)\s+(\d+)/.exec(text)?.map(Number) ?? [];
      return near(finding, waiting / room, 0, `ss: ${waiting} wait, room for ${room}`);
    },
  },
  {
    check: 'host.cache-uses-memory',
    parts: ['web', 'cache'],
    fault: 'cache-unused',
    firesWithin: SLOW_LOOK_S,
    mine: ({ subject }) => subject === 'cache',
    evidence: [/cache \(memcached\)/, /asked for nothing/, /"given"/, /cache setting names these servers/],
    figure: async (lab, finding) => {
      const stats = await memcachedStats(lab, finding.target);
      const [used = 0, given = 0] = ['bytes', 'limit_maxbytes'].map((name) => stats.get(name));
      return near(finding, used / given, 0.02, `stats: ${used} of ${given} bytes`);
    },
  },
  {
    check: 'host.load',
    // Visitors and other rows load this machine themselves.
    alone: true,
    parts: ['cache'],
    fault: {
      name: 'busy-import: four processes a core that never rest',
      on: startBusy,
      off: async (lab) => {
        await endBusy(lab);
        setIdle(sideGroup(lab.state.number, carrierOf(lab)), false);
      },
    },
    quietWithin: LOAD_SETTLES_S,
    clearsWithin: LOAD_FALLS_S,
    evidence: [/busy-import/, /\d+ cores/, /time waiting for a core/, /who uses it/],
    figure: async (lab, finding) => {
      const text = await lab.exec(finding.target, ['cat', '/proc/loadavg']);
      const load = Number(text.split(' ')[0]);
      return near(finding, load, Math.max(0.5, load * 0.15), `/proc/loadavg: ${text.trim()}`);
    },
  },
  byTest(
    'host.swap',
    'test/checks/host/pressure.test.ts',
    'a host that swaps',
    'memory and swap are the whole machine’s: filling them would slow or end everything else on it',
  ),
  byTest(
    'host.iowait',
    'test/checks/host/pressure.test.ts',
    'a host that waits for its disks',
    'time waiting for disks is the whole machine’s: what shows it would slow everything else on this disk',
  ),
  byTest(
    'host.oom',
    'test/checks/host/oom.test.ts',
    'processes killed for memory',
    'it needs a memory limit of a host’s own, and this machine’s memory controller keeps its own accounts',
  ),
] satisfies (LabRow | TestRow)[];

function byTest(check: string, test: string, named: string, because: string): TestRow {
  return { check, test, named, because };
}

function pidOf({ subject }: Finding): string {
  return /\d+$/.exec(subject ?? '')?.[0] ?? '';
}

const DEAF = 'deaf-listener';
/** Eight may wait; ten come. It ends by itself after five minutes. */
const DEAF_PYTHON = `
import socket, time
deaf = socket.create_server(("127.0.0.1", 9099), backlog=8)
callers = [socket.socket() for _ in range(10)]
for caller in callers:
    caller.setblocking(False)
    caller.connect_ex(("127.0.0.1", 9099))
time.sleep(300)`;

/** The one host on which the config has the shared kernel judged. */
function carrierOf(lab: Lab): string {
  const config = parse(readFileSync(join(lab.root, 'warroom.yaml'), 'utf8')) as {
    hosts: Record<string, { sharedKernel?: boolean }>;
  };
  const carrier = Object.entries(config.hosts).find(([, host]) => !host.sharedKernel);
  if (carrier === undefined) throw new Error('No host of this lab carries the kernel.');
  return carrier[0];
}

const BUSY = 'busy-import';
const BUSY_SECONDS = 150;

/**
 * The load average counts who wants a core and may have it, so they are in a group without a cap of note; idle, so
 * that they take what nobody else wants and hold up nobody. They end by themselves.
 */
async function startBusy(lab: Lab): Promise<void> {
  await endBusy(lab);
  const host = carrierOf(lab);
  const group = sideGroup(lab.state.number, host);
  makeCpuGroup(group, 2);
  setIdle(group, true);
  const cores = Number(await lab.exec(host, ['getconf', '_NPROCESSORS_ONLN']));
  const input = `for i in $(seq ${cores * 4}); do
  setsid -f chrt -i 0 timeout ${BUSY_SECONDS} sh -c 'echo $$ >>/run/${BUSY}; while :; do :; done' ${BUSY} </dev/null >/dev/null 2>&1
done`;
  await lab.exec(host, ['sh', '-s'], { input, group });
}

async function endBusy(lab: Lab): Promise<void> {
  const input = `for pid in $(cat /run/${BUSY} 2>/dev/null); do
  grep -qs ${BUSY} /proc/$pid/cmdline && kill -KILL $pid
done
rm -f /run/${BUSY}`;
  await lab.exec(carrierOf(lab), ['sh', '-s'], { input });
}

function setIdle(group: string, idle: boolean): void {
  const [folder] = cpuGroup(group);
  if (folder !== undefined) writeFileSync(join(folder, 'cpu.idle'), idle ? '1' : '0');
}
