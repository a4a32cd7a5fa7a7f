import type { Fault } from './fault.ts';

const NAME = 'stutter';

/** Stopped and let go again, as a server is whose memory is on disk or whose CPU is another's. */
const SCRIPT = `p=$(pgrep -o -x memcached) || exit 0
trap 'kill -CONT $p; exit' TERM
while kill -STOP $p; do sleep 0.04; kill -CONT $p; sleep 0.006; done`;

export const memcachedSlow: Fault = {
  name: 'memcached-slow',
  summary: 'A memcached runs for a few milliseconds of every fifty: each operation waits',
  parts: ['cache'],
  host: 'cache1',
  on: (lab, { host }) => lab.daemon(host, NAME, ['sh', '-c', SCRIPT]),
  off: async (lab, { host }) => {
    await lab.stopDaemon(host, NAME);
    // Should it have been ended between stopping and letting go.
    await lab.exec(host, ['pkill', '-CONT', '-x', 'memcached']).catch(() => undefined);
  },
};
