import { makeCpuGroup } from '../cgroup.ts';
import { sideGroup } from '../host.ts';
import { coresOf } from '../plan.ts';
import type { Fault } from './fault.ts';

const NAME = 'nightly-report';

/**
 * The process gets as much CPU as its host has, in a group beside the host's: in the same group it would share with
 * the servers, hold less than a whole core whenever visitors come, and starve the sshd that watchers need.
 */
export const pinnedCore: Fault = {
  name: 'pinned-core',
  summary: 'One process takes all the CPU of one core of its host',
  host: 'app1',
  on: async (lab, { host }) => {
    await end(lab.exec(host, ['pkill', '-KILL', '-f', NAME]));
    const group = sideGroup(lab.state.number, host);
    // A little more, so that what is lost to scheduling does not make it look less than whole.
    makeCpuGroup(group, coresOf(host) * 1.05);
    // It ends by itself after half an hour, should nobody end it.
    const loop = `timeout 1800 sh -c 'while :; do :; done' ${NAME}`;
    const start = `setsid -f setpriv --reuid=nobody --regid=nogroup --clear-groups ${loop} </dev/null >/dev/null 2>&1`;
    await lab.exec(host, ['sh', '-c', start], { group });
  },
  off: (lab, { host }) => end(lab.exec(host, ['pkill', '-KILL', '-f', NAME])),
};

/** pkill fails when there was nothing to end. */
function end(pkill: Promise<string>): Promise<void> {
  return pkill.then(
    () => undefined,
    () => undefined,
  );
}
