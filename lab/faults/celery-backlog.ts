import type { Fault } from './fault.ts';
import { startProducer, stopProducer } from './task-producer.ts';

const PRODUCER = 'import-producer';

/** Two processes do five a second; with the spare worker or two processes more it is enough. */
export const celeryBacklog: Fault = {
  name: 'celery-backlog',
  summary: 'An import sends 9 tasks a second of 0.4 s each: nearly twice what the workers can do',
  parts: ['tasks'],
  on: (lab) => startProducer(lab, PRODUCER, { name: 'catalogue.import', args: [0.4], perSecond: 9 }),
  off: async (lab) => {
    await stopProducer(lab, PRODUCER);
    // What is left of it would take minutes to work off.
    await lab.redis('DEL', 'celery');
  },
};
