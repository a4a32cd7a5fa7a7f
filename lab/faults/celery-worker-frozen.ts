import type { Lab } from '../lab.ts';
import type { Fault } from './fault.ts';

const WORKER = 'celery -A shoptasks worker';

/** The oldest process of a worker is the one that answers; it stays subscribed while it is stopped. */
export const celeryWorkerFrozen: Fault = {
  name: 'celery-worker-frozen',
  summary: 'The worker is stopped (SIGSTOP): it stays connected, answers nothing and begins no task',
  parts: ['tasks'],
  host: 'worker1',
  on: (lab, { host }) => signal(lab, host, 'STOP'),
  off: (lab, { host }) => signal(lab, host, 'CONT'),
};

async function signal(lab: Lab, host: string, name: 'STOP' | 'CONT'): Promise<void> {
  await lab.exec(host, ['pkill', `-${name}`, '-o', '-f', WORKER]);
}
