import { botFor } from '../../prove/bot.ts';
import { eventually, type Proof, pause } from '../../prove/proof.ts';
import { labFor } from '../lab.ts';
import { startNetdata } from '../netdata.ts';
import { budget, cpuSeconds, median, percent, residentMiB } from '../peer.ts';

const WATCHED_S = 600;
const SAMPLE_MS = 5000;
const MOST_MIB = 150;
const MOST_CORES = 0.014;
/** How much the memory of the last third may be above that of the second. */
const FLAT = 1.05;

export const rest: Proof = {
  name: 'rest',
  shows: "ten minutes of watching the whole lab at rest: memory and CPU of the bot, beside netdata's",
  seconds: 800,
  run: async (act) => {
    const lab = await labFor(act);
    const netdata = await startNetdata(act);
    const bot = await botFor(act, lab.root);
    await eventually(
      'every system to be read',
      async () => ((await bot.findings()).length > 20 ? true : undefined),
      60_000,
    );
    // What only the start costs (compilation, first connections) is over after a minute.
    await pause(60_000);
    const memory: number[] = [];
    const peerMemory: number[] = [];
    const own = cpuSeconds(bot.pid);
    const peer = sum(netdata().map((pid) => orZero(() => cpuSeconds(pid, true))));
    const started = Date.now();
    while (Date.now() - started < WATCHED_S * 1000) {
      await pause(SAMPLE_MS);
      memory.push(residentMiB(bot.pid));
      peerMemory.push(sum(netdata().map((pid) => orZero(() => residentMiB(pid)))));
    }
    const seconds = (Date.now() - started) / 1000;
    const cores = (cpuSeconds(bot.pid) - own) / seconds;
    const peerCores = (sum(netdata().map((pid) => orZero(() => cpuSeconds(pid, true)))) - peer) / seconds;
    const third = Math.floor(memory.length / 3);
    const flat = median(memory.slice(-third)) / median(memory.slice(third, 2 * third));
    const most = Math.max(...memory);
    act.say(
      `netdata, this machine alone: ${percent(peerCores)} of a core, ${median(peerMemory).toFixed(0)} MiB; Warroom, ${lab.hosts.length} hosts: ${percent(cores)}, ${median(memory).toFixed(0)} MiB`,
    );
    budget(act, `under ${MOST_MIB} MiB`, most < MOST_MIB, `${most.toFixed(0)} MiB at most`, {
      because: 'every client library keeps its code and buffers',
      mend: 'loading those of kinds that the config does not name only when they are named',
    });
    budget(act, `under ${percent(MOST_CORES)} of a core`, cores < MOST_CORES, percent(cores), {
      because: `${lab.hosts.length} hosts and what runs on them are read every 5 s; a fifth of it are writes to sockets, at half a millisecond each on this machine, and a quarter is collecting garbage in a heap that is kept small (docs/adr/0008-small-heap.md)`,
      mend: 'longer intervals for what is at rest, and a larger young space',
    });
    budget(act, 'flat', flat < FLAT, `last third ${((flat - 1) * 100).toFixed(1)} % above the second`, {
      because: 'the history of the first hours is still filling',
      mend: 'a longer look',
    });
    act.figure(
      'rest',
      `${percent(cores)} of a core = ${(cores / peerCores).toFixed(2)} of netdata, ${most.toFixed(0)} MiB`,
    );
  },
};

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function orZero(read: () => number): number {
  try {
    return read();
  } catch {
    // A short-lived child of the peer.
    return 0;
  }
}
