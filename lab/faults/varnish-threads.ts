import type { Fault } from './fault.ts';

const NAME = 'slow-visitors';
const FEW = ['10', '10'] as const;
/** As the lab starts it, and the default of varnishd. */
const USUAL = ['20', '5000'] as const;
/** Seconds after which an idle thread ends: a busy hour before must not have left more than there may be now. */
const IDLE = { soon: '10', usual: '300' } as const;

/**
 * Visitors on bad lines: each sends a form byte by byte and holds two threads for it. To a page that the balancer
 * answers itself, so that the application is not slow as well.
 */
const SLOWLY = `
import socket, sys, time
host, count = sys.argv[1], int(sys.argv[2])
head = b"POST /lb-health HTTP/1.1\\r\\nHost: www.example.com\\r\\nUser-Agent: lab-slow-visitor\\r\\nContent-Length: 100000\\r\\n\\r\\n"
lines = {}
while True:
    for i in range(count):
        try:
            if i not in lines:
                lines[i] = socket.create_connection((host, 80), 2)
                lines[i].sendall(head)
            lines[i].sendall(b"x")
        except OSError:
            lines.pop(i, None)
    time.sleep(0.5)
`;

export const varnishThreads: Fault = {
  name: 'varnish-threads',
  summary: 'Varnish may have 20 threads, and visitors on slow lines hold them all',
  parts: ['web'],
  on: async (lab) => {
    const [least, most] = FEW;
    await lab.varnishadm('param.set', 'thread_pool_timeout', IDLE.soon);
    await lab.varnishadm('param.set', 'thread_pool_min', least);
    await lab.varnishadm('param.set', 'thread_pool_max', most);
    await lab.daemon('client1', NAME, ['/usr/bin/python3', '-c', SLOWLY, lab.address('web1'), '30']);
  },
  off: async (lab) => {
    await lab.stopDaemon('client1', NAME);
    const [least, most] = USUAL;
    await lab.varnishadm('param.set', 'thread_pool_max', most);
    await lab.varnishadm('param.set', 'thread_pool_min', least);
    await lab.varnishadm('param.set', 'thread_pool_timeout', IDLE.usual);
  },
};
