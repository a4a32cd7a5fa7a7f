import { figure } from '../../message/figures.ts';
import { defineSystem } from '../contract.ts';
import {
  backends,
  errors,
  evictions,
  expectedHits,
  expectedPasses,
  hitRate,
  notFound,
  redirects,
  threads,
  topMisses,
} from './checks.ts';
import { collectLimits, collectLog, collectPages, collectStat } from './collect.ts';
import type { VarnishFacts } from './facts.ts';
import { measureLimits } from './limits.ts';
import { measureLog, measureStat } from './measure.ts';
import { DEADLINE_MS, measurePages } from './pages.ts';
import { views } from './views.ts';

export type { BackendRow, GroupRow, LogFacts, Reason, UrlRow, VarnishFacts } from './facts.ts';
export { type CleanAnswer, type CleanRequest, cleanRequest, window } from './probes.ts';

export const varnish = defineSystem<VarnishFacts>({
  id: 'varnish',
  watches: 'varnish',
  collectors: [
    { id: 'stat', everySeconds: 5, collect: collectStat, measure: measureStat },
    { id: 'log', everySeconds: 5, timeoutMs: 8000, collect: collectLog, measure: measureLog },
    { id: 'limits', everySeconds: 60, collect: collectLimits, measure: measureLimits },
    { id: 'pages', everySeconds: 60, timeoutMs: DEADLINE_MS, collect: collectPages, measure: measurePages },
  ],
  checks: [
    hitRate,
    topMisses,
    redirects,
    notFound,
    expectedHits,
    expectedPasses,
    errors,
    backends,
    threads,
    evictions,
  ],
  views,
  figures(instances) {
    const sum = (metric: string) => instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
    const requests = sum('varnish.requests');
    return requests > 0
      ? `${figure(sum('varnish.hits') / requests, 'share')} true hits · ${figure(requests, '/s')}`
      : 'no requests';
  },
});
