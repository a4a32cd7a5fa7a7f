import { own, say } from '../../message/build.ts';
import { grantLine } from '../../people/person.ts';
import { answer } from './answer.ts';
import type { Command } from './contract.ts';

export const whoami: Command = {
  name: 'whoami',
  short: [],
  summary: 'Who you are to Warroom, what you may do, and the line that changes it',
  example: 'whoami',
  arguments: [],
  flags: [],
  needs: 'see',
  run: async (_input, asker) => {
    const { identity, person } = asker;
    const yaml = grantLine(identity, person, 'approve');
    return {
      blocks: [
        ...answer(
          say`You are ${asker.name} (${own(identity.platform)} ${identity.id}). You may: ${own(person.rights.join(', ') || 'nothing')}.`,
        ).blocks,
        ...(person.rights.includes('approve')
          ? []
          : [
              {
                kind: 'code' as const,
                language: 'yaml' as const,
                title: 'To approve, an admin adds:',
                text: yaml,
              },
            ]),
      ],
    };
  },
};
