import type { Fault } from './fault.ts';

const NAME = 'leaky-report';

/** It really holds it: each page is written to. Bounded, and ends by itself after half an hour. */
const PYTHON = 'import time; kept = bytearray(b"x") * 340_000_000; time.sleep(1800)';

export const pythonMemory: Fault = {
  name: 'python-memory',
  summary: 'A Python process of a host has grown to 340 MB',
  host: 'app1',
  on: (lab, { host }) => lab.daemon(host, NAME, ['/usr/bin/python3', '-c', PYTHON, NAME], { user: 'nobody' }),
  off: (lab, { host }) => lab.stopDaemon(host, NAME),
};
