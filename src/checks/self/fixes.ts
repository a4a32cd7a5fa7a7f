import { z } from 'zod';
import { defineCheck, type Verdict } from '../contract.ts';
import { age, counted, detail, partsOf, sinceSeconds } from './parts.ts';

const Fixes = z.object({
  forSeconds: z
    .number()
    .min(0)
    .default(86_400)
    .describe('Seconds for which a lost fix is told; who did not bring it back in a day does not want it.'),
});

export const fixes = defineCheck<object, z.infer<typeof Fixes>>({
  id: 'self.fixes',
  question: 'Is every fix that was kept still in force?',
  thresholds: Fixes,
  needs: [],
  falseAlarm:
    'A fix that the team has put into its files in other words: what it did is then there, and not to be seen by name.',
  judge(input) {
    const kept = partsOf(input, 'fixes');
    const lost = kept.filter(
      (part) => part.state === 'down' && sinceSeconds(part, input) <= input.thresholds.forSeconds,
    );
    if (lost.length === 0)
      return [
        {
          level: 'ok',
          summary:
            kept.length === 0
              ? 'No fix lives at run time alone.'
              : `${counted(kept.length, 'fix', 'fixes')} that ${kept.length === 1 ? 'lives' : 'live'} at run time ${kept.length === 1 ? 'is' : 'are'} in force.`,
        },
      ];
    return lost.map(
      (part): Verdict => ({
        subject: detail(part),
        level: 'warn',
        summary: `${part.what}; seen ${age(part, input)} ago.`,
        // The command, then the lines for a file.
        evidence: (part.mend?.split(/\n(.*)/s) ?? [])
          .slice(1)
          .filter((text) => text !== '')
          .map((text) => ({ kind: 'note', text })),
        ...(part.mend === undefined ? {} : { advice: `Propose it again:  ${part.mend.split('\n')[0]}` }),
      }),
    );
  },
});
