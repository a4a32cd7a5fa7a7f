import { defineSystem } from '../contract.ts';
import { waiting } from './checks.ts';
import { collectConfig, collectPools } from './collect.ts';
import type { PgbouncerFacts } from './facts.ts';
import { measureConfig, measurePools } from './measure.ts';
import { views } from './views.ts';

export type * from './facts.ts';

export const pgbouncer = defineSystem<PgbouncerFacts>({
  id: 'pgbouncer',
  watches: 'pgbouncer',
  collectors: [
    { id: 'pools', everySeconds: 5, collect: collectPools, measure: measurePools },
    { id: 'config', everySeconds: 60, collect: collectConfig, measure: measureConfig },
  ],
  checks: [waiting],
  views,
  figures(instances) {
    const sum = (metric: string) => instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
    return `${sum('pgbouncer.clients_active')} clients on ${sum('pgbouncer.servers_active')} connections, ${sum('pgbouncer.clients_waiting')} waiting`;
  },
});
