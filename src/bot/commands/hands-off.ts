import { say } from '../../message/build.ts';
import { decide } from '../../people/person.ts';
import { answer, problem } from './answer.ts';
import type { Command } from './contract.ts';

export const handsOff: Command = {
  name: 'hands-off',
  short: [],
  summary: 'Stops every change but reverts, until switched off',
  example: 'hands-off on',
  arguments: [
    {
      name: 'switch',
      about: 'on or off',
      kind: 'word',
      required: true,
      closed: true,
      choices: () => ['on', 'off'],
    },
  ],
  flags: [],
  needs: 'operate',
  run: async ({ args }, asker, desk) => {
    const on = args['switch'] === 'on';
    if (!on) {
      // Anybody who operates may stop; letting go again is as good as approving.
      const allowed = decide(asker.identity, 'approve', desk.config);
      if (!allowed.allowed) {
        desk.refused(asker.identity, 'hands-off', args);
        return problem('NOT_ALLOWED', {
          what: 'switch hands-off off',
          rights: allowed.person.rights.join(', ') || 'none',
          mend: allowed.mend,
        });
      }
    }
    await desk.handsOff(on, asker.name);
    return on
      ? answer(say`hands-off is on: nothing is changed but reverts.`)
      : answer(say`hands-off is off.`);
  },
};
