import { figure } from '../../message/figures.ts';
import { defineSystem } from '../contract.ts';
import { backlog, failures, workers } from './checks.ts';
import { collectLook, collectQueues, collectStats, collectWorkers } from './collect.ts';
import { collectEvents } from './collect-events.ts';
import type { CeleryFacts } from './facts.ts';
import { measureLook, measureQueues, measureWorkers } from './measure.ts';
import { measureEvents, measureStats } from './measure-work.ts';
import { views } from './views.ts';

export type { CeleryFacts } from './facts.ts';

export const celery = defineSystem<CeleryFacts>({
  id: 'celery',
  watches: 'celery',
  collectors: [
    { id: 'workers', everySeconds: 5, collect: collectWorkers, measure: measureWorkers },
    { id: 'queues', everySeconds: 5, collect: collectQueues, measure: measureQueues },
    { id: 'stats', everySeconds: 10, collect: collectStats, measure: measureStats },
    { id: 'look', everySeconds: 15, collect: collectLook, measure: measureLook },
    { id: 'events', everySeconds: 10, collect: collectEvents, measure: measureEvents },
  ],
  checks: [failures, backlog, workers],
  views,
  figures(instances) {
    const sum = (metric: string) => instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
    const failed = sum('celery.failed');
    const done = figure(sum('celery.done'), '/s');
    return `${figure(sum('celery.waiting'), 'count')} waiting · ${done} done${failed > 0 ? ` · ${figure(failed, '/s')} fail` : ''}`;
  },
});
