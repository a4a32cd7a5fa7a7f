import { own, say, time } from '../../message/build.ts';
import { answer } from './answer.ts';
import type { Command } from './contract.ts';

export const incidents: Command = {
  name: 'incidents',
  short: ['inc'],
  summary: 'Open incidents, and those that ended lately',
  example: 'incidents',
  arguments: [
    {
      name: 'state',
      about: 'open, resolved or all',
      kind: 'word',
      required: false,
      closed: true,
      choices: () => ['open', 'resolved', 'all'],
    },
  ],
  flags: [],
  needs: 'see',
  run: async ({ args }, _asker, desk) => {
    const state = args['state'] ?? 'all';
    const found = desk.incidents(state === 'all' ? undefined : state).slice(0, 20);
    if (found.length === 0) return answer(say`No ${own(state === 'all' ? '' : `${state} `)}incidents.`);
    return {
      blocks: [
        {
          kind: 'fields',
          rows: found.map((one) => ({
            tone: one.resolvedAt === null ? one.level : 'ok',
            name: say`${own(`#${one.id}`)}`,
            value: say`${one.title} · ${own(one.state)} · since ${time(one.since)}${one.owner ? say` · ${one.owner}` : own('')}`,
          })),
        },
      ],
    };
  },
};
