import {
  type APIApplicationCommandAutocompleteInteraction,
  type APIChatInputApplicationCommandInteraction,
  type APIInteraction,
  type APIMessageComponentInteraction,
  type APIModalSubmitInteraction,
  ApplicationCommandType,
  InteractionType,
  InteractionResponseType as Kind,
} from 'discord.js';
import type { Discord } from '../../config/schema.ts';
import { reason, sentence } from '../../errors/catalogue.ts';
import { paragraph, say } from '../../message/build.ts';
import type { Message, Text } from '../../message/contract.ts';
import type { Identity } from '../../people/person.ts';
import { type ChatContext, type Form, opensForm, type Pressed, unpack } from '../chat/contract.ts';
import { Answers } from './answers.ts';
import { choicesOf, focusedOf, grammarOf, subcommandOf, textOf, typedSoFar } from './commands.ts';
import { ShownForms } from './forms.ts';
import { identityOf } from './identity.ts';
import { LaunchMembers } from './launch-members.ts';
import { modalOf, refilled, valuesOf } from './modals.ts';
import { WorkQueue } from './queue.ts';
import type { DiscordRest } from './rest.ts';
import { Seen } from './seen.ts';
import { timeOf } from './snowflake.ts';

/** Discord takes no answer to what is older. */
const TOO_OLD_MS = 3_000;
const STILL_LOOKING_MS = 2_500;
const WORK_MS = 90_000;
const AT_ONCE = 8;
const MOST_WAITING = 40;

/** What people do on Discord, put to the desk: acknowledged first, done after, answered to them alone. */
export class Receiver {
  readonly #answers: Answers;
  readonly #work = new WorkQueue(AT_ONCE, MOST_WAITING);
  readonly #forms = new ShownForms();
  readonly #seen: Seen;
  readonly #members: LaunchMembers;
  #stopped = false;

  constructor(
    private readonly settings: Discord,
    private readonly rest: DiscordRest,
    private readonly context: ChatContext,
  ) {
    this.#answers = new Answers(rest, () => context.config().launch.timezone, context.log);
    this.#seen = new Seen(context.now);
    this.#members = new LaunchMembers(settings, rest, context.now);
  }

  /** Never throws, never rejects: what goes wrong is logged, and said to the person where that is still possible. */
  take(interaction: APIInteraction): void {
    if (this.#stopped || interaction.type === InteractionType.Ping) return;
    if (!this.#seen.first(interaction.id)) {
      this.context.log.info({ interaction: interaction.id }, 'Discord: delivered twice, done once');
      return;
    }
    const age = this.context.now() - this.rest.skewMs - timeOf(interaction.id);
    if (age > TOO_OLD_MS) {
      this.context.log.warn(
        { interaction: interaction.id, age },
        'Discord: too old to be answered, so not done',
      );
      return;
    }
    this.#route(interaction).catch((thrown: unknown) =>
      this.context.log.error({ err: thrown, interaction: interaction.id }, 'Discord: an interaction failed'),
    );
  }

  /** Takes nothing new, and waits for what is in hand. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    await this.#work.drained(timeoutMs);
  }

  async #route(interaction: APIInteraction): Promise<void> {
    const claimed = identityOf(interaction, this.settings.guild);
    // Only from elsewhere is there something to wait for: what comes in the launch channel keeps its order.
    const identity =
      claimed.kind !== 'member' || this.#members.isHere(interaction)
        ? claimed
        : { ...claimed, kind: await this.#members.kindElsewhere(interaction.member) };
    if (interaction.type === InteractionType.ApplicationCommandAutocomplete)
      return this.#complete(interaction, identity);
    if (interaction.guild_id !== this.settings.guild)
      return this.#reply(interaction, say`This Warroom answers in its own server only.`);
    switch (interaction.type) {
      case InteractionType.ApplicationCommand:
        if (interaction.data.type === ApplicationCommandType.ChatInput)
          return this.#command(interaction as APIChatInputApplicationCommandInteraction, identity);
        return;
      case InteractionType.MessageComponent:
        return this.#pressed(interaction, identity);
      case InteractionType.ModalSubmit:
        return this.#submitted(interaction, identity);
      default:
        return;
    }
  }

  async #command(interaction: APIChatInputApplicationCommandInteraction, identity: Identity): Promise<void> {
    const { desk } = this.context;
    const grammar = grammarOf(desk.commands());
    const sub = subcommandOf(interaction.data.options);
    if (sub?.name === grammar.run) {
      const text = String(sub.given.find((one) => one.name === 'text')?.value ?? '').trim();
      if (text === '') return this.#open(interaction, 'launch', identity);
      return this.#answer(interaction, () => desk.launch(text, identity));
    }
    const shape = grammar.shapes.get(sub?.name ?? '');
    if (!sub || !shape)
      return this.#reply(
        interaction,
        say`This command is not known any more. Type /launch again: the list is new.`,
      );
    return this.#answer(interaction, () => desk.launch(textOf(shape, sub.given), identity));
  }

  async #complete(
    interaction: APIApplicationCommandAutocompleteInteraction,
    identity: Identity,
  ): Promise<void> {
    const { desk } = this.context;
    const grammar = grammarOf(desk.commands());
    const sub = subcommandOf(interaction.data.options);
    const focused = focusedOf(sub?.given ?? []);
    const shape = grammar.shapes.get(sub?.name ?? '');
    let choices: ReturnType<typeof choicesOf> = [];
    // What may not be seen is not completed either; that is decided inside, as everywhere.
    if (focused && interaction.guild_id === this.settings.guild) {
      const typed = shape ? typedSoFar(shape, sub?.given ?? [], focused.name) : focused.value;
      choices = choicesOf(focused.value, desk.complete(typed, identity));
    }
    await this.#answers.show(interaction, {
      type: Kind.ApplicationCommandAutocompleteResult,
      data: { choices },
    });
  }

  async #pressed(interaction: APIMessageComponentInteraction, identity: Identity): Promise<void> {
    const customId = interaction.data.custom_id;
    const again = this.#forms.opened(customId);
    if (again === 'out of date')
      return this.#reply(interaction, say`This form is out of date. Press the button that opened it first.`);
    if (again) return this.#modal(interaction, again, identity);
    const button = unpack(customId);
    if (!button)
      return this.#reply(
        interaction,
        say`This button is not known any more. The newest message of the thread has the ones that count.`,
      );
    if (opensForm(button.kind)) return this.#open(interaction, button, identity);
    return this.#answer(interaction, () => this.context.desk.press(button, identity));
  }

  /** A form is shown at once: it cannot follow a deferral. */
  async #open(interaction: APIInteraction, button: Pressed | 'launch', identity: Identity): Promise<void> {
    const opened = this.context.desk.form(button, identity);
    if ('blocks' in opened) return this.#answer(interaction, async () => opened);
    return this.#modal(interaction, opened, identity);
  }

  async #modal(interaction: APIInteraction, form: Form, identity: Identity): Promise<void> {
    this.#forms.shown(identity.id, form);
    await this.#answers.show(interaction, { type: Kind.Modal, data: modalOf(form) });
  }

  async #submitted(interaction: APIModalSubmitInteraction, identity: Identity): Promise<void> {
    const { desk } = this.context;
    const formId = interaction.data.custom_id;
    const values = valuesOf(interaction.data);
    const problems = Object.entries(desk.formProblems(formId, values, identity));
    if (problems.length === 0) return this.#answer(interaction, () => desk.submit(formId, values, identity));
    const form = this.#forms.of(identity.id, formId);
    const labels = new Map(form?.fields.map((field) => [field.name, field.label]));
    const told = problems.map(([name, what]) => paragraph(say`${labels.get(name) ?? name}: ${what}`));
    const message: Message = { blocks: [paragraph(say`Not sent yet:`), ...told] };
    await this.#answers.reply(interaction, message, form && this.#forms.again(refilled(form, values)));
  }

  async #reply(interaction: APIInteraction, text: Text): Promise<void> {
    await this.#answers.reply(interaction, { blocks: [paragraph(text)] });
  }

  /** Acknowledges, works in turn, answers. A look that takes its time says so. */
  async #answer(interaction: APIInteraction, work: () => Promise<Message>): Promise<void> {
    const leave = this.#work.enter();
    if (!leave)
      return this.#reply(
        interaction,
        say`Busy: too much is asked at once. Try again in a moment, or use the console.`,
      );
    try {
      if (await this.#answers.defer(interaction)) await this.#workedOn(interaction, work);
    } finally {
      leave();
    }
  }

  async #workedOn(interaction: APIInteraction, work: () => Promise<Message>): Promise<void> {
    let telling: Promise<void> = Promise.resolve();
    const still = setTimeout(() => {
      telling = this.#answers.tell(interaction, { blocks: [paragraph(say`Still looking.`)] });
    }, STILL_LOOKING_MS);
    await this.#work.run(async () => {
      const message = await this.#worked(work);
      clearTimeout(still);
      await telling;
      await this.#answers.tell(interaction, message);
    });
  }

  async #worked(work: () => Promise<Message>): Promise<Message> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Message>((resolve) => {
      const text = say`No answer within ${WORK_MS / 1000} s. The console may show more; what was begun goes on.`;
      timer = setTimeout(() => resolve({ blocks: [paragraph(text)] }), WORK_MS);
    });
    try {
      return await Promise.race([work(), late]);
    } catch (thrown) {
      this.context.log.error({ err: thrown }, 'Discord: a request failed');
      const text = sentence('INTERNAL', { doing: 'answering on Discord', problem: reason(thrown) });
      return { blocks: [paragraph(say`${text}`)] };
    } finally {
      clearTimeout(timer);
    }
  }
}
