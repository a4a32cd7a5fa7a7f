import type { Fault } from './fault.ts';
import { startProducer, stopProducer } from './task-producer.ts';

const FLAG = 'tasks-fail';
const PRODUCER = 'capture-producer';

export const celeryFailures: Fault = {
  name: 'celery-failures',
  summary: 'What the tasks need refuses them: each one raises an exception',
  parts: ['tasks'],
  on: async (lab) => {
    lab.flag(FLAG, true);
    await startProducer(lab, PRODUCER, { name: 'payment.capture', args: [10], perSecond: 2 });
  },
  off: async (lab) => {
    await stopProducer(lab, PRODUCER);
    lab.flag(FLAG, false);
  },
};
