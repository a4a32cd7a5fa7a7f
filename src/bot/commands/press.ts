import { isMessage, proposalOf } from './answer.ts';
import type { Command } from './contract.ts';

const proposal = (about: string): Command['arguments'] => [
  {
    name: 'proposal',
    about,
    kind: 'word',
    required: false,
    choices: (desk) =>
      desk
        .incidents('open')
        .flatMap((one) => one.proposals.filter((p) => p.state === 'pending').map((p) => p.id)),
  },
  {
    name: 'plan',
    about: 'the plan hash that you saw, when it must not have changed',
    kind: 'word',
    required: false,
  },
];

export const approve: Command = {
  name: 'approve',
  short: [],
  summary: 'Approve a proposal: it is carried out under guard',
  example: 'approve 12-A',
  arguments: proposal('its id'),
  flags: [],
  // Decided in the guard, at the press, with the proposal's askers: whoever may see may try, and is told and audited.
  needs: 'see',
  run: async ({ args }, asker, desk) => {
    const found = proposalOf(args['proposal'], desk);
    if (isMessage(found)) return found;
    return (await desk.approve(found.id, args['plan'] ?? found.planHash, asker.identity)).message;
  },
};

export const refuse: Command = {
  name: 'refuse',
  short: [],
  summary: 'Refuse a proposal: it will not be carried out',
  example: 'refuse 12-A',
  arguments: proposal('its id'),
  flags: [],
  needs: 'see',
  run: async ({ args }, asker, desk) => {
    const found = proposalOf(args['proposal'], desk);
    if (isMessage(found)) return found;
    return (await desk.refuse(found.id, args['plan'] ?? found.planHash, asker.identity)).message;
  },
};
