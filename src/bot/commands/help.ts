import { own, say } from '../../message/build.ts';
import type { Command } from './contract.ts';

/** Help is made from the list itself, so it cannot forget a command. */
export function help(all: () => readonly Command[]): Command {
  return {
    name: 'help',
    short: ['?'],
    summary: 'All commands, or one with its words',
    example: 'help fix',
    arguments: [
      {
        name: 'command',
        about: 'its name',
        kind: 'word',
        required: false,
        closed: true,
        choices: () => all().map((command) => command.name),
      },
    ],
    flags: [],
    needs: 'see',
    run: async ({ args }) => {
      const one = all().find((command) => command.name === args['command']);
      if (!one)
        return {
          blocks: [
            {
              kind: 'fields',
              rows: all().map((command) => ({ name: say`${command.name}`, value: say`${command.summary}` })),
            },
          ],
        };
      const rows = [
        ...one.arguments.map((argument) => ({
          name: say`${argument.name}${own(argument.required ? '' : ' (optional)')}`,
          value: say`${argument.about}`,
        })),
        ...one.flags.map((flag) => ({ name: say`${flag.name}`, value: say`${flag.about}` })),
      ];
      return {
        blocks: [
          { kind: 'heading', text: say`${one.name}: ${one.summary}` },
          ...(rows.length > 0 ? [{ kind: 'fields' as const, rows }] : []),
          { kind: 'text', text: say`Needs the right ${own(one.needs)}. Example: /launch ${one.example}` },
        ],
      };
    },
  };
}
