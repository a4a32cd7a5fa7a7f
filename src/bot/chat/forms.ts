import type { AnyRemediation, ProposalJson } from '../../remediations/contract.ts';
import type { IncidentJson } from '../contract.ts';
import type { CommandShape, Form } from './contract.ts';
import { paramsFields } from './params-form.ts';

/** The forms of the chat. Their ids come back with the answers: `launch`, `silence:12`, `again:12-A`, `fix:12.cache-rule`. */

const MOST_CHOICES = 25;

export function launchForm(commands: readonly CommandShape[]): Form {
  return {
    id: 'launch',
    title: 'What do you want to see or do?',
    submit: 'Run',
    fields: [
      {
        name: 'command',
        label: 'Command',
        kind: 'choice',
        required: true,
        value: 'status',
        choices: commands.slice(0, MOST_CHOICES).map(({ name, summary }) => ({
          value: name,
          label: `${name}: ${summary}`.slice(0, 75),
        })),
      },
      {
        name: 'words',
        label: 'Words after it',
        about: 'such as 12, web1 memory or 12-A; "help" says which a command takes',
        kind: 'text',
        required: false,
      },
      {
        name: 'shown',
        label: 'Who sees the answer',
        kind: 'choice',
        required: true,
        value: 'me',
        choices: [
          { value: 'me', label: 'Only me' },
          { value: 'all', label: 'Everybody in the launch channel' },
        ],
      },
    ],
  };
}

export function silenceForm(incident: IncidentJson): Form {
  const scopes = [...new Set(incident.findings.map((finding) => `${finding.check}@${finding.target}`))];
  return {
    id: `silence:${incident.id}`,
    title: `Silence #${incident.id}`,
    submit: 'Silence',
    fields: [
      {
        name: 'scope',
        label: 'What',
        kind: 'choice',
        required: true,
        value: incident.id,
        choices: [
          { value: incident.id, label: `all ${scopes.length} findings of #${incident.id}` },
          ...scopes.slice(0, MOST_CHOICES - 1).map((scope) => ({ value: scope, label: scope.slice(0, 75) })),
        ],
      },
      {
        name: 'time',
        label: 'For how long',
        kind: 'choice',
        required: true,
        value: '15m',
        choices: ['15m', '30m', '1h', '2h', '4h', '8h', '24h'].map((value) => ({ value, label: value })),
      },
      { name: 'reason', label: 'Why', kind: 'text', required: true },
    ],
  };
}

export function againForm(proposal: ProposalJson, remediation: AnyRemediation): Form {
  return {
    id: `again:${proposal.id}`,
    title: `${proposal.remediation}, again`.slice(0, 45),
    submit: 'Propose',
    fields: paramsFields(remediation.params, proposal.params),
  };
}

export function parametersForm(incident: string, remediation: AnyRemediation): Form {
  return {
    id: `fix:${incident}.${remediation.id}`,
    title: `${remediation.id} for #${incident}`.slice(0, 45),
    submit: 'Propose',
    fields: paramsFields(remediation.params, {}),
  };
}
