import { own, say, time } from '../../message/build.ts';
import { answer, incidentOf, isMessage } from './answer.ts';
import type { Command } from './contract.ts';

export const timeline: Command = {
  name: 'timeline',
  short: [],
  summary: 'What happened in an incident, and who did it',
  example: 'timeline 12',
  arguments: [
    {
      name: 'incident',
      about: 'its number',
      kind: 'word',
      required: false,
      choices: (desk) => desk.incidents().map((one) => one.id),
    },
  ],
  flags: [],
  needs: 'see',
  run: async ({ args }, _asker, desk) => {
    const incident = incidentOf(args['incident'], desk);
    if (isMessage(incident)) return incident;
    if (incident.timeline.length === 0)
      return answer(say`Nothing is on the timeline of ${own(`#${incident.id}`)} yet.`);
    return {
      blocks: [
        {
          kind: 'fields',
          rows: incident.timeline.slice(-60).map((entry) => ({
            name: [time(entry.at)],
            value: say`${entry.what}${entry.by ? say` (${entry.by})` : own('')}`,
          })),
        },
      ],
    };
  },
};
