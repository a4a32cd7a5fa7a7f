import { own, say } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import { canAskAgain, proposalMessage } from '../views/proposal.ts';
import { answer, incidentOf, isMessage, problem, proposalOf, refusal } from './answer.ts';
import type { Command, CommandDesk } from './contract.ts';

const PROPOSAL = /^#?\d+-[a-z]{1,3}$/i;

export const fix: Command = {
  name: 'fix',
  short: [],
  summary: 'What can be done; proposes a remediation of your choice',
  example: 'fix add-app-server service=app server=app4 --dry-run',
  arguments: [
    {
      name: 'remediation',
      about: 'its name, or a proposal to make again (12-A)',
      kind: 'word',
      required: false,
      closed: true,
      choices: (desk) => [...desk.remediations().map((one) => one.id), ...endedProposals(desk)],
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
    if (PROPOSAL.test(remediation)) return again(remediation, asker.name, desk);
    if (args['parameters'] === undefined && !flags.has('--dry-run')) {
      const incident = incidentOf(undefined, desk);
      if (!isMessage(incident)) return askFor(remediation, incident.id);
    }
    const params = parameters(args['parameters'] ?? '');
    if (typeof params === 'string') return problem('BAD_ARGUMENT', { command: 'fix', problem: params });
    const { incident: typed, ...rest } = params;
    const wish = { remediation, params: rest, effect: 'relief' as const };
    const made = flags.has('--dry-run')
      ? await desk.preview(wish)
      : await proposed(typed === undefined ? undefined : String(typed));
    if (isMessage(made)) return made;
    if ('refused' in made) return refusal(made);
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

/** Without parameters there is something to fill in; a face with forms opens one. */
function askFor(remediation: string, incident: string): Message {
  return {
    blocks: [
      ...answer(
        say`${remediation} needs its parameters. Set them here, or write: /launch fix ${remediation} incident=${incident} NAME=VALUE …`,
      ).blocks,
      {
        kind: 'actions',
        actions: [
          { kind: 'parameters', id: `${incident}.${remediation}`, label: 'Set parameters', style: 'primary' },
        ],
      },
    ],
  };
}

/** The same once more: what expired, was refused or was taken back may be wanted after all. */
async function again(typed: string, by: string, desk: CommandDesk): Promise<Message> {
  const found = proposalOf(typed, desk);
  if (isMessage(found)) return found;
  if (found.state === 'pending') return proposalMessage(found);
  const { remediation, params } = found;
  const made = await desk.propose(Number(found.incident), { remediation, params, effect: 'relief' }, by);
  return 'refused' in made ? refusal(made) : proposalMessage(made);
}

function endedProposals(desk: CommandDesk): string[] {
  return desk
    .incidents('open')
    .flatMap((incident) => incident.proposals)
    .filter((proposal) => canAskAgain(proposal.state))
    .map((proposal) => proposal.id);
}

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
