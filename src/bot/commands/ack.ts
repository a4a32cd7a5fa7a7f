import { own, say } from '../../message/build.ts';
import { answer, incidentOf, isMessage } from './answer.ts';
import type { Command } from './contract.ts';

export const ack: Command = {
  name: 'ack',
  short: ['acknowledge'],
  summary: 'Take an incident: the thread says that you have it',
  example: 'ack 12',
  arguments: [
    {
      name: 'incident',
      about: 'its number',
      kind: 'word',
      required: false,
      choices: (desk) => desk.incidents('open').map((one) => one.id),
    },
  ],
  flags: [],
  needs: 'operate',
  run: async ({ args }, asker, desk) => {
    const incident = incidentOf(args['incident'], desk);
    if (isMessage(incident)) return incident;
    if (incident.resolvedAt !== null)
      return answer(say`${own(`#${incident.id}`)} is ${own(incident.state)} already.`);
    await desk.acknowledge(Number(incident.id), asker.name);
    return answer(say`You have ${own(`#${incident.id}`)}.`);
  },
};
