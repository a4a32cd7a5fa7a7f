import type { CollectContext, Evidence, Timed, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { collectUwsgi, type UwsgiSnapshot } from './collect.ts';
import { measureUwsgi } from './measure.ts';

const LOOK_MS = 1000;
const MOST = 20;

/** Two snapshots of its own a second apart; the schedule's are not touched. */
async function look(context: CollectContext) {
  const take = async (): Promise<Timed<UwsgiSnapshot>> => ({
    snapshot: await collectUwsgi(context),
    at: Date.now(),
  });
  const first = await take();
  await pause(LOOK_MS, context.signal);
  return measureUwsgi(first, await take(), context.place);
}

const workers: View = {
  name: 'workers',
  summary: 'Each worker: what it is on, for how long, its memory',
  async show(context) {
    const { facts } = await look(context);
    return [
      {
        kind: 'table',
        title: `Workers on ${context.place.instance}`,
        columns: [
          { name: 'id' },
          { name: 'pid' },
          { name: 'status' },
          { name: 'requests' },
          { name: 'mean', unit: 's' },
          { name: 'memory', unit: 'B' },
          { name: 'URL' },
          { name: 'for', unit: 's' },
        ],
        rows: (facts.workers ?? []).map((row) => [
          row.id,
          row.pid,
          row.status,
          row.requests,
          row.meanSeconds,
          row.rss === 0 ? null : row.rss,
          row.currentPath ?? '',
          row.runningForSeconds ?? null,
        ]),
      },
    ];
  },
};

const requests: View = {
  name: 'requests',
  summary: 'Requests being worked on now: which worker, which URL, for how long',
  async show(context) {
    const { facts } = await look(context);
    const rows = (facts.workers ?? []).filter((row) => row.busy);
    if (rows.length === 0) return [{ kind: 'note', text: 'No request is being worked on at this moment.' }];
    const byPath = facts.inFlight ?? [];
    return [
      {
        kind: 'table',
        title: `In flight on ${context.place.instance}`,
        columns: [{ name: 'URL' }, { name: 'workers' }, { name: 'longest', unit: 's' }],
        rows: byPath.slice(0, MOST).map((row) => [row.path, row.count, row.longestSeconds]),
      },
      {
        kind: 'table',
        title: 'By worker, longest first',
        columns: [{ name: 'id' }, { name: 'pid' }, { name: 'URL' }, { name: 'for', unit: 's' }],
        rows: [...rows]
          .sort((a, b) => (b.runningForSeconds ?? 0) - (a.runningForSeconds ?? 0))
          .slice(0, MOST)
          .map((row) => [row.id, row.pid, row.currentPath ?? '', row.runningForSeconds ?? null]),
      },
    ];
  },
};

const overview: View = {
  name: '',
  summary: 'Busy workers, queue, requests and mean time',
  async show(context): Promise<Evidence[]> {
    const { readings } = await look(context);
    return [
      {
        kind: 'figures',
        rows: readings
          .filter((reading) => reading.metric.startsWith('uwsgi.'))
          .map(({ metric, value, unit }) => ({
            name: metric.replace('uwsgi.', '').replaceAll('_', ' '),
            value,
            unit,
          })),
      },
    ];
  },
};

export const views: readonly View[] = [overview, workers, requests];
