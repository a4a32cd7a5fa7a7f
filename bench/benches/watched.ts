import { readFileSync } from 'node:fs';
import type { Proof } from '../../prove/proof.ts';
import { contextAt } from '../../src/checks/context.ts';
import type { Place } from '../../src/checks/contract.ts';
import { host } from '../../src/checks/host/index.ts';
import { Config } from '../../src/config/schema.ts';
import { Secret } from '../../src/config/secret.ts';
import { Stack } from '../../src/config/stack.ts';
import { sh } from '../../src/targets/command.ts';
import { openTargets } from '../../src/targets/targets.ts';
import { startSshd } from '../../test/targets/sshd.ts';
import { budget, cpuSeconds } from '../peer.ts';

const ROUNDS = 60;
/** The shortest interval of a collector: what a round is. */
const ROUND_S = 5;

/** What watching costs the host: its shell, what that starts, and its end of the connection. */
export const watched: Proof = {
  name: 'watched',
  shows: 'the CPU that one round of host facts costs the host, against top -b -n1',
  seconds: 240,
  run: async (act) => {
    const sshd = await startSshd();
    act.after(() => sshd.stop());
    const stack = new Stack(
      Config.parse({
        ssh: { user: sshd.user, key: { file: sshd.key }, knownHosts: sshd.knownHosts, port: sshd.port },
        hosts: { one: { address: '127.0.0.1' } },
      }),
    );
    const targets = openTargets(stack, () => new Secret(readFileSync(sshd.key, 'utf8')));
    act.after(() => targets.close());
    const target = targets.reading('one');
    const { stdout } = await target.read(sh`echo $$ $PPID`);
    const [shell = 0, connection = 0] = stdout.trim().split(' ').map(Number);
    const costOf = async (work: () => Promise<unknown>): Promise<number> => {
      await work();
      const before = cpuSeconds(shell, true) + cpuSeconds(connection);
      for (let i = 0; i < ROUNDS; i++) await work();
      return ((cpuSeconds(shell, true) + cpuSeconds(connection) - before) / ROUNDS) * 1000;
    };
    const place = {
      system: 'host',
      target: 'one',
      instance: 'one',
      host: stack.hosts.get('one'),
      stack,
    } as Place;
    const context = () => contextAt(place, targets, AbortSignal.timeout(10_000));
    let round = 0;
    for (const collector of host.collectors) {
      const ms = await costOf(() => collector.collect(context(), undefined));
      act.say(
        `${collector.id.padEnd(10)} ${ms.toFixed(1)} ms of the host's CPU, every ${collector.everySeconds} s`,
      );
      round += ms * (ROUND_S / collector.everySeconds);
    }
    const top = await costOf(() => target.read(sh`top -b -n1`));
    budget(
      act,
      'one round costs the host less than top -b -n1',
      round < top,
      `${round.toFixed(1)} ms against ${top.toFixed(1)} ms, ${(round / top).toFixed(2)} of it`,
      {
        because: 'every program that is started costs about a millisecond',
        mend: 'reading fewer files a round, or longer intervals for what is dear above',
      },
    );
    act.figure('a round', `${round.toFixed(1)} ms CPU = ${(round / top).toFixed(2)} of top`);
  },
};
