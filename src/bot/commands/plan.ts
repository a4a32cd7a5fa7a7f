import { planMessage } from '../views/proposal.ts';
import { isMessage, proposalOf } from './answer.ts';
import type { Command } from './contract.ts';

export const plan: Command = {
  name: 'plan',
  short: [],
  summary: 'The plan of a proposal, whole: its steps, their undo, what it is judged by',
  example: 'plan 12-A',
  arguments: [
    {
      name: 'proposal',
      about: 'its id',
      kind: 'word',
      required: false,
      choices: (desk) =>
        desk.incidents('open').flatMap((one) => one.proposals.map((proposal) => proposal.id)),
    },
  ],
  flags: [],
  needs: 'see',
  run: async ({ args }, _asker, desk) => {
    const found = proposalOf(args['proposal'], desk);
    return isMessage(found) ? found : planMessage(found);
  },
};
