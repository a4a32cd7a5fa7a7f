import { own, say } from '../../message/build.ts';
import { answer } from './answer.ts';
import type { Command } from './contract.ts';

export const whyNot: Command = {
  name: 'why-not',
  short: [],
  summary: 'Names the rule that keeps a remediation from being carried out',
  example: 'why-not cache-rule',
  arguments: [
    {
      name: 'remediation',
      about: 'its name',
      kind: 'word',
      required: true,
      closed: true,
      choices: (desk) => desk.remediations().map((one) => one.id),
    },
  ],
  flags: [],
  needs: 'see',
  run: async ({ args }, _asker, desk) => {
    const rules = await desk.whyNot(args['remediation'] as string);
    return rules.length === 0
      ? answer(
          say`Nothing blocks ${args['remediation'] as string}${own(': it can be proposed and approved.')}`,
        )
      : answer(...rules.map((rule) => say`${rule}`));
  },
};
