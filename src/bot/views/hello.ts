import type { Config } from '../../config/schema.ts';
import { own, paragraph, say, strong } from '../../message/build.ts';
import type { Block, Message, Text } from '../../message/contract.ts';
import type { StatusJson } from '../contract.ts';

/** What approvals of the configured people can and cannot do. */
export interface Approving {
  readonly remediations: readonly { readonly id: string; readonly risk: string }[];
  /** Remediations that no policy, account or number of people allows here, with the reason. */
  readonly blocked: readonly { readonly id: string; readonly why: string }[];
}

/** The one hello on first contact: what is watched, what cannot be seen, who may approve what, what nobody can, the next step. */
export function helloMessage(
  status: Omit<StatusJson, 'message'>,
  config: Config,
  approving: Approving,
): Message {
  const watched = status.services.filter(({ level }) => level !== 'unwatched');
  const unseen = [
    ...status.services
      .filter(({ level }) => level === 'unwatched')
      .map(({ name, kind }) => `${name} (${kind} is not watched yet)`),
    ...status.setUp.filter(({ done }) => !done).map(({ target, what }) => `${target}: ${what}`),
  ];
  const blocks: Block[] = [
    { kind: 'heading', text: say`Warroom watches ${status.launch.name} in this channel` },
    paragraph(
      say`${strong('Watched:')} ${own(watched.length === 0 && status.hosts.length === 0 ? 'nothing yet' : '')}${watched
        .map(({ name, kind }) => (name === kind ? name : `${name} (${kind})`))
        .join(
          ', ',
        )}${own(status.hosts.length > 0 ? `${watched.length > 0 ? ', ' : ''}${counted(status.hosts.length, 'host')}` : '')}.`,
    ),
    paragraph(
      unseen.length === 0
        ? say`${strong('Not seen:')} nothing; all that the config names can be read.`
        : say`${strong('Not seen:')} ${unseen.slice(0, 6).join('; ')}${own(unseen.length > 6 ? `; and ${unseen.length - 6} more` : '')}.`,
    ),
    paragraph(whoApproves(config, approving)),
    paragraph(whatNobody(approving)),
    paragraph(nextStep(config, unseen.length)),
  ];
  return { blocks };
}

function whoApproves(config: Config, { remediations }: Approving): Text {
  const approvers = namesWith(config, 'approve');
  if (approvers.length === 0)
    return say`${strong('Approvers:')} nobody. Fixes are proposed and cannot be approved until the config names people:  people: ${own('{ ada: { may: [see, operate, approve], … } }')}`;
  const { approvals, highRisk } = config.policy;
  const high = remediations.filter(({ risk }) => risk === 'high').map(({ id }) => id);
  return say`${strong('Approvers:')} ${approvers.join(', ')} ${own(`(${approvals} of them a fix, ${highRisk.approvals} when its risk is high${high.length > 0 ? `: ${high.join(', ')}` : ''}; ${config.policy.askerMayApprove ? 'who asked may approve too' : 'never who asked for it'}).`)} Operators: ${namesWith(config, 'operate').join(', ') || 'nobody'}. ${own(config.policy.channelMembers === 'see' ? 'Members of the channel may look.' : 'Others may nothing.')}`;
}

function whatNobody({ blocked }: Approving): Text {
  if (blocked.length === 0) return say`${strong('Nobody can approve:')} what is not listed by /launch fix.`;
  return say`${strong('Nobody can approve:')} ${blocked
    .slice(0, 6)
    .map(({ id, why }) => `${id} (${why})`)
    .join('; ')}${own(blocked.length > 6 ? `; and ${blocked.length - 6} more` : '')}`;
}

function nextStep(config: Config, unseen: number): Text {
  if (namesWith(config, 'approve').length === 0)
    return say`${strong('Next:')} /launch whoami gives the line that makes you an approver.`;
  return unseen > 0
    ? say`${strong('Next:')} "warroom doctor" on Warroom's machine gives each mend; /launch status shows what is seen.`
    : say`${strong('Next:')} /launch status shows the stack, /launch help the commands. Each incident gets one thread here.`;
}

function namesWith(config: Config, right: 'operate' | 'approve'): string[] {
  return Object.entries(config.people)
    .filter(([, person]) => person.may.includes(right))
    .map(([name]) => name);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
