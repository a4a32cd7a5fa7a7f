import type { View } from '../contract.ts';
import { pause } from '../pause.ts';
import { frontendTable, serverTable } from './checks/shared.ts';
import { collectHaproxy } from './collect.ts';
import { measureHaproxy } from './measure.ts';

const LOOK_MS = 1000;

const overview: View = {
  name: '',
  summary: 'Servers, frontends, sessions against their limits, errors and queue',
  async show(context) {
    const first = { snapshot: await collectHaproxy(context), at: Date.now() };
    await pause(LOOK_MS, context.signal);
    const second = { snapshot: await collectHaproxy(context), at: Date.now() };
    const { readings, facts } = measureHaproxy(first, second, context.place);
    const view = {
      instance: context.place.instance,
      at: second.at,
      readings,
      facts,
      value: () => undefined,
      all: () => [],
    };
    return [
      {
        kind: 'figures',
        rows: readings
          .filter((reading) => reading.metric.startsWith('haproxy.') && reading.labels === undefined)
          .map(({ metric, value, unit }) => ({
            name: metric.replace('haproxy.', '').replaceAll('_', ' '),
            value,
            unit,
          })),
      },
      serverTable([view]),
      frontendTable([view]),
    ];
  },
};

export const views: readonly View[] = [overview];
