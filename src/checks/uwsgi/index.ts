import { figure } from '../../message/figures.ts';
import { defineSystem } from '../contract.ts';
import { busy, errors, queue, responseTime } from './checks.ts';
import { collectUwsgi } from './collect.ts';
import type { UwsgiFacts } from './facts.ts';
import { measureUwsgi } from './measure.ts';
import { views } from './views.ts';

export type { InFlightRow, UwsgiFacts, WorkerRow } from './facts.ts';

export const uwsgi = defineSystem<UwsgiFacts>({
  id: 'uwsgi',
  watches: 'uwsgi',
  collectors: [{ id: 'stats', everySeconds: 5, collect: collectUwsgi, measure: measureUwsgi }],
  checks: [responseTime, busy, queue, errors],
  views,
  figures(instances) {
    const sum = (metric: string) => instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
    const requests = sum('uwsgi.requests');
    const mean = requests > 0 ? ` · mean ${figure(sum('uwsgi.busy_seconds') / requests, 's')}` : '';
    const waiting = sum('uwsgi.listen_queue');
    return `${figure(sum('uwsgi.busy_workers'), 'count')} of ${sum('uwsgi.workers')} busy${mean}${waiting > 0 ? ` · ${waiting} waiting` : ''}`;
  },
});
