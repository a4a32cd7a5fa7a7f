import type { Fault } from './fault.ts';

const HOST = 'client1';
const NAME = 'wr-busy-loop';

export const pinnedCore: Fault = {
  name: 'pinned-core',
  summary: `One process on ${HOST} takes all the CPU that it can get`,
  on: async (lab) => {
    if (
      await lab.exec(HOST, ['pgrep', '-f', NAME]).then(
        () => true,
        () => false,
      )
    )
      return;
    // Bounded: it ends by itself after half an hour.
    lab.daemon(HOST, ['timeout', '1800', 'bash', '-c', `while :; do :; done # ${NAME}`]);
  },
  off: async (lab) => {
    await lab.exec(HOST, ['pkill', '-KILL', '-f', NAME]).catch(() => undefined);
  },
};
