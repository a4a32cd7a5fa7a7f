import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { reason, sentence, WarroomError } from '../../errors/catalogue.ts';
import { say } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import { decide, type Identity, nameOf, personOf } from '../../people/person.ts';
import { answer, notAllowed, problem } from '../commands/answer.ts';
import type { Command, CommandDesk, Input } from '../commands/contract.ts';
import { complete, parse, takeHere } from '../commands/grammar.ts';
import { COMMANDS } from '../commands/index.ts';
import type { Threads } from '../threads.ts';
import { PerMinute } from './per-minute.ts';
import type { Presence } from './presence.ts';

export interface RunnerParts {
  readonly desk: CommandDesk;
  readonly threads: Threads;
  readonly presence: Presence;
  readonly audit: (by: Identity, what: string, json: object) => Promise<void>;
  readonly log: Logger;
}

const SHOWN_A_MINUTE = 10;

/** What a person types, run by the one grammar; the right is decided at that moment, a refusal is audited. */
export class CommandRunner {
  readonly #desk: CommandDesk;
  readonly #shown: PerMinute;

  constructor(private readonly parts: RunnerParts) {
    this.#desk = parts.desk;
    this.#shown = new PerMinute(SHOWN_A_MINUTE, () => parts.desk.now());
  }

  async launch(text: string, identity: Identity): Promise<Message> {
    const { rest, here } = takeHere(text);
    const parsed = parse(rest, COMMANDS, this.#desk);
    if ('command' in parsed && 'input' in parsed) {
      const { command, input } = parsed;
      return here && decide(identity, 'see', this.#desk.config).allowed
        ? this.#shownToAll(rest, command, input, identity)
        : this.#run(command, input, identity);
    }
    const allowed = decide(identity, 'see', this.#desk.config);
    if (!allowed.allowed) {
      await this.parts.audit(identity, 'a command refused', { text: rest });
      return notAllowed('use Warroom', allowed);
    }
    if (parsed.problem === 'argument')
      return problem('BAD_ARGUMENT', { command: parsed.command.name, problem: parsed.what });
    return problem('UNKNOWN_COMMAND', {
      // Whatever is no word may be a secret that was pasted into the wrong window.
      command: /^[a-z][a-z -]{0,30}$/.test(parsed.typed) ? parsed.typed : '…',
      hint: parsed.nearest ? `Did you mean ${parsed.nearest}?` : 'help lists them.',
    });
  }

  /** A command whose arguments come from a form instead of a line. */
  run(name: string, args: Input['args'], identity: Identity): Promise<Message> {
    const command = COMMANDS.find((one) => one.name === name);
    if (!command) throw new RangeError(`There is no command ${name}.`);
    return this.#run(command, { args, flags: new Set() }, identity);
  }

  async #run(command: Command, input: Input, identity: Identity): Promise<Message> {
    const person = personOf(identity, this.#desk.config);
    const allowed = decide(identity, command.needs, this.#desk.config);
    if (!allowed.allowed) {
      await this.parts.audit(identity, `${command.name} refused`, { args: input.args });
      return notAllowed(`use ${command.name}`, allowed);
    }
    const name = nameOf(person);
    try {
      return await command.run(input, { identity, person, name }, this.#desk);
    } catch (thrown) {
      this.parts.log.error({ err: thrown, command: command.name }, 'a command failed');
      return answer(
        say`${thrown instanceof WarroomError ? thrown.message : sentence('INTERNAL', { doing: `answering ${command.name}`, problem: reason(thrown) })}`,
      );
    } finally {
      this.parts.presence.here(name);
    }
  }

  /** The answer goes to the channel, with who asked. */
  async #shownToAll(text: string, command: Command, input: Input, identity: Identity): Promise<Message> {
    const by = nameOf(personOf(identity, this.#desk.config));
    const wait = this.#shown.refuse(by);
    if (wait !== undefined)
      return problem('BAD_ARGUMENT', {
        command: command.name,
        problem: `you showed ${SHOWN_A_MINUTE} answers to all in the last minute; the next in ${wait} s.`,
      });
    const message = await this.#run(command, input, identity);
    await this.parts.threads.note(`said-${randomUUID()}`, {
      blocks: [{ kind: 'text', text: say`${by} asked: ${text.trim()}` }, ...message.blocks],
    });
    return answer(say`Shown in the launch channel.`);
  }

  complete(text: string, identity: Identity): string[] {
    return decide(identity, 'see', this.#desk.config).allowed ? complete(text, COMMANDS, this.#desk) : [];
  }
}
