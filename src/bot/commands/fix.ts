import { own, say } from '../../message/build.ts';
import { proposalMessage } from '../views/proposal.ts';
import { answer, incidentOf, isMessage, problem } from './answer.ts';
import type { Command } from './contract.ts';

export const fix: Command = {
  name: 'fix',
  short: [],
  summary: 'What can be done; proposes a remediation of your choice',
  example: 'fix add-app-server service=app server=app4 --dry-run',
  arguments: [
    {
      name: 'remediation',
      about: 'its name',
      kind: 'word',
      required: false,
      closed: true,
      choices: (desk) => desk.remediations().map((one) => one.id),
    },
    { name: 'parameters', about: 'name=value …, the incident as incident=12', kind: 'text', required: false },
  ],
  flags: [{ name: '--dry-run', about: 'show the plan, propose nothing' }],
  needs: 'operate',
  run: async ({ args, flags }, asker, desk) => {
    const remediation = args['remediation'];
    if (remediation === undefined) {
      const waiting = desk
        .incidents('open')
        .flatMap((incident) => incident.proposals.filter((proposal) => proposal.state === 'pending'));
      if (waiting.length > 0)
        return { blocks: waiting.slice(0, 3).flatMap((proposal) => proposalMessage(proposal).blocks) };
      return {
        blocks: [
          {
            kind: 'fields',
            rows: desk.remediations().map((one) => ({
              name: say`${one.id}`,
              value: say`${one.summary} ${own(`(${one.risk} risk)`)}`,
            })),
          },
        ],
      };
    }
    const params = parameters(args['parameters'] ?? '');
    if (typeof params === 'string') return problem('BAD_ARGUMENT', { command: 'fix', problem: params });
    const { incident: typed, ...rest } = params;
    const wish = { remediation, params: rest, effect: 'relief' as const };
    const made = flags.has('--dry-run')
      ? await desk.preview(wish)
      : await proposed(typed === undefined ? undefined : String(typed));
    if (isMessage(made)) return made;
    if ('refused' in made)
      return answer(say`Not possible: ${made.refused}${made.mend ? say` ${made.mend}` : own('')}`);
    return flags.has('--dry-run')
      ? {
          blocks: proposalMessage({ ...made, state: 'void', outcome: 'A dry run: nothing was proposed.' })
            .blocks,
        }
      : proposalMessage(made);

    async function proposed(named: string | undefined) {
      const incident = incidentOf(named, desk);
      return isMessage(incident) ? incident : desk.propose(Number(incident.id), wish, asker.name);
    }
  },
};

/** `a=1 b=x c=/p,/q` -> values as numbers, true/false, lists or text. */
function parameters(text: string): Record<string, unknown> | string {
  const found: Record<string, unknown> = {};
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^([A-Za-z][A-Za-z0-9]*)=(.*)$/.exec(word) ?? [];
    if (name === undefined || value === undefined) return `"${word}" is not name=value.`;
    found[name] = typed(value);
  }
  return found;
}

function typed(value: string): unknown {
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (value === 'true' || value === 'false') return value === 'true';
  return value.includes(',') ? value.split(',').filter(Boolean) : value;
}
