import type { LabRow, Row } from '../row.ts';
import { again, grown, near, percent, uwsgiStats, uwsgiTotals } from './native.ts';

/** As long as the checks look back. */
const LOOK_BACK_S = 14;
const AFTER_OVERLOAD_S = 120;

export const UWSGI_ROWS: readonly Row[] = [
  {
    check: 'uwsgi.busy',
    parts: ['web'],
    fault: 'app-overload',
    clearsWithin: AFTER_OVERLOAD_S,
    evidence: [/app1/, /\/(cart|account)/, /CPU-bound|Worker-bound/, /app3/],
    figure: async (lab, finding, bot) => {
      const workers = (await uwsgiStats(lab)).flatMap((one) => one.workers);
      const more = await grown(() => uwsgiTotals(lab), 5);
      const share = Math.min(1, more.running / more.seconds / workers.length);
      const busy = workers.filter(({ status }) => status === 'busy').length;
      return near(
        await again(bot, finding),
        share,
        0.15,
        `stats: ${percent(share)} of ${workers.length} workers' time, ${busy} busy at one look`,
      );
    },
  },
  {
    check: 'uwsgi.queue',
    parts: ['web'],
    fault: 'app-overload',
    clearsWithin: AFTER_OVERLOAD_S,
    evidence: [/app1/, /"waiting"/, /uwsgi\.busy/],
    figure: async (lab, finding) => {
      const queues = (await uwsgiStats(lab)).map((one) => one.listen_queue);
      const now = queues.reduce((sum, queue) => sum + queue, 0);
      return near(finding, now, Math.max(3, now * 0.4), `stats: listen_queue ${queues.join(' + ')}`);
    },
  },
  {
    check: 'uwsgi.response-time',
    parts: ['web'],
    fault: 'slow-view',
    evidence: [/\/account/, /app1/, /where the time goes/],
    figure: async (lab, finding, bot) => {
      const more = await grown(() => uwsgiTotals(lab), LOOK_BACK_S);
      const mean = more.running / more.requests;
      return near(
        await again(bot, finding),
        mean,
        mean * 0.3,
        `stats: ${more.running.toFixed(1)} s in ${more.requests} requests, ${mean.toFixed(2)} s each`,
      );
    },
  },
  {
    check: 'uwsgi.errors',
    parts: ['web'],
    fault: 'app-errors',
    evidence: [/app1/, /"exceptions"/, /log has the exception/],
    figure: async (lab, finding, bot) => {
      const more = await grown(() => uwsgiTotals(lab), LOOK_BACK_S);
      const share = more.exceptions / more.requests;
      return near(
        await again(bot, finding),
        share,
        Math.max(0.03, share * 0.3),
        `stats: ${more.exceptions} exceptions in ${more.requests} requests, ${percent(share)}`,
      );
    },
  },
] satisfies LabRow[];
