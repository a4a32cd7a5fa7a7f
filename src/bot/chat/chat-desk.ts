import { say } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import { decide, type Identity } from '../../people/person.ts';
import type { AnyRemediation } from '../../remediations/contract.ts';
import { answer, notAllowed, problem } from '../commands/answer.ts';
import type { Command } from '../commands/contract.ts';
import { COMMANDS } from '../commands/index.ts';
import type { WarroomDesk } from '../desk/desk.ts';
import type { ChatDesk, CommandShape, Form, FormValues, Pressed } from './contract.ts';
import { againForm, launchForm, parametersForm, silenceForm } from './forms.ts';
import { readParams } from './params-form.ts';

/** What people do on chat platforms, put to the one desk. Every right is decided there, at that moment. */
export class WarroomChatDesk implements ChatDesk {
  constructor(
    private readonly desk: WarroomDesk,
    private readonly remediations: readonly AnyRemediation[],
  ) {}

  launch(text: string, identity: Identity): Promise<Message> {
    return this.desk.launch(text, identity);
  }

  complete(text: string, identity: Identity): string[] {
    return this.desk.complete(text, identity);
  }

  commands(): readonly CommandShape[] {
    return COMMANDS.map(shapeOf);
  }

  async press({ kind, id, planHash }: Pressed, identity: Identity): Promise<Message> {
    switch (kind) {
      case 'approve':
      case 'give-back':
        return (await this.desk.approve(id, planHash ?? '', identity)).message;
      case 'refuse':
        return (await this.desk.refuse(id, planHash ?? '', identity)).message;
      case 'acknowledge':
        return this.desk.launch(`ack ${id}`, identity);
      case 'timeline':
        return this.desk.launch(`timeline ${id}`, identity);
      case 'show-plan':
        return this.desk.launch(`plan ${id}`, identity);
      case 'silence':
      case 'ask-again':
      case 'parameters':
        return answer(say`This button opens a form; press it again.`);
      default:
        return never(kind);
    }
  }

  form(button: Pressed | 'launch', identity: Identity): Form | Message {
    const allowed = decide(identity, button === 'launch' ? 'see' : 'operate', this.desk.config);
    if (!allowed.allowed) {
      const what = button === 'launch' ? 'the form of /launch' : button.kind;
      this.desk.refused(identity, what, button === 'launch' ? {} : { id: button.id });
      return notAllowed(button === 'launch' ? 'use Warroom' : 'do that', allowed);
    }
    if (button === 'launch') return launchForm(this.commands());
    if (button.kind === 'silence') {
      const incident = this.desk.incident(button.id);
      if (!incident) return problem('NOT_FOUND', { kind: 'incident', id: button.id, hint: 'It is too old.' });
      if (incident.resolvedAt !== null)
        return answer(say`#${incident.id} is over: there is nothing to silence.`);
      return silenceForm(incident);
    }
    if (button.kind === 'ask-again') {
      const proposal = this.desk.proposal(button.id);
      const remediation = this.#remediation(proposal?.remediation);
      if (!proposal || !remediation)
        return problem('NOT_FOUND', { kind: 'proposal', id: button.id, hint: 'It is too old.' });
      if (proposal.state === 'pending')
        return answer(say`${proposal.id} waits already: approve or refuse it.`);
      return againForm(proposal, remediation);
    }
    const [incident = '', id] = button.id.split('.');
    if (!this.desk.incident(incident))
      return problem('NOT_FOUND', { kind: 'incident', id: incident, hint: 'It is too old.' });
    const remediation = this.#remediation(id);
    return remediation
      ? parametersForm(incident, remediation)
      : problem('NOT_FOUND', { kind: 'remediation', id: String(id), hint: 'fix lists them.' });
  }

  formProblems(formId: string, values: FormValues, identity: Identity): Readonly<Record<string, string>> {
    if (!decide(identity, 'see', this.desk.config).allowed) return {};
    const wish = this.#wish(formId);
    if (!wish) return {};
    const read = readParams(wish.remediation.params, values);
    return 'problems' in read ? read.problems : {};
  }

  async submit(formId: string, values: FormValues, identity: Identity): Promise<Message> {
    if (formId === 'launch') {
      const here = values['shown'] === 'all' ? ' --here' : '';
      return this.desk.launch(`${values['command'] ?? 'help'} ${values['words'] ?? ''}${here}`, identity);
    }
    if (formId.startsWith('silence:')) {
      const { scope, time, reason } = values;
      return this.desk.run('silence', { scope, time, reason }, identity);
    }
    const wish = this.#wish(formId);
    if (!wish) return answer(say`This form is out of date: open it again.`);
    const read = readParams(wish.remediation.params, values);
    if ('problems' in read)
      return problem('BAD_ARGUMENT', {
        command: wish.remediation.id,
        problem: Object.entries(read.problems)
          .map(([field, what]) => `${field}: ${what}`)
          .join('; '),
      });
    return this.desk.proposeFor(wish.incident, wish.remediation.id, read.params, identity);
  }

  #wish(formId: string): { remediation: AnyRemediation; incident: number } | undefined {
    const [kind, id = ''] = formId.split(':');
    const again = kind === 'again' ? this.desk.proposal(id) : undefined;
    const [incident, name] = kind === 'fix' ? id.split('.') : [again?.incident, again?.remediation];
    const remediation = this.#remediation(name);
    return remediation && incident !== undefined ? { remediation, incident: Number(incident) } : undefined;
  }

  #remediation(id: string | undefined): AnyRemediation | undefined {
    return this.remediations.find((one) => one.id === id);
  }
}

function shapeOf(command: Command): CommandShape {
  return {
    name: command.name,
    summary: command.summary,
    arguments: command.arguments.map(({ name, about, kind, required, choices }) => ({
      ...{ name, about, kind, required },
      completes: choices !== undefined,
    })),
    flags: command.flags,
  };
}

function never(kind: never): never {
  throw new TypeError(`A button of an unknown kind: ${String(kind)}`);
}
