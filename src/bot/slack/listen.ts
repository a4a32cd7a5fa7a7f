import type { App } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import { reason } from '../../errors/catalogue.ts';
import type { Message } from '../../message/contract.ts';
import { type ChatDesk, opensForm, type Pressed, type ReportHealth, unpack } from '../chat/contract.ts';
import { type Answers, one, type Place } from './answer.ts';
import { FORM_CALLBACK, formValues, formView, remembered } from './forms.ts';
import type { Identities, Sender } from './identity.ts';
import { masked } from './logger.ts';
import type { Once } from './once.ts';
import { problemOf } from './problems.ts';
import { within } from './wait.ts';
import type { Work } from './work.ts';

export interface ListenOptions {
  readonly client: WebClient;
  readonly desk: ChatDesk;
  readonly identities: Identities;
  readonly answers: Answers;
  readonly work: Work;
  readonly once: Once;
  readonly health: (part: string) => ReportHealth;
  readonly log: Logger;
  /** The app that the connection belongs to, once known. */
  readonly appId: () => string | undefined;
  readonly stopping: () => boolean;
}

const BUSY = 'Warroom has its hands full with other questions. Ask again in a moment, or use the console.';
const STOPPING = 'Warroom is being stopped. Ask again in a moment.';
const OUT_OF_DATE = 'This card is out of date. /launch status shows what is open now.';
const TOO_LATE = 'Slack gave the form up before it was there. Press again.';
/** A trigger lives 3 s, and the form has to arrive as well. */
const FORM_IDENTITY_MS = 1_200;
const FORM_MS = 1_500;

/** Commands, buttons and forms: each is acknowledged in the turn in which it arrives, and worked on after that. */
export function listen(app: App, options: ListenOptions): void {
  const inbox = new Inbox(options);
  // One listener a kind: Bolt runs every one that matches, and each would acknowledge.
  app.command(/.*/, async ({ command, context, ack }) => {
    const refused = inbox.refuses(command.api_app_id);
    if (refused !== undefined || !inbox.first(context, [`c:${command.trigger_id}`]))
      return await inbox.acknowledge(refused ? ack(refused) : ack());
    const place: Place = {
      user: command.user_id,
      channel: command.channel_id,
      responseUrl: command.response_url,
    };
    const sender = {
      user: command.user_id,
      name: command.user_name ?? command.user_id,
      team: command.team_id,
      channel: command.channel_id,
    };
    const text = (command.text ?? '').trim();
    if (text === '') {
      const acknowledged = inbox.acknowledge(ack());
      inbox.form('launch', sender, place, command.trigger_id);
      return await acknowledged;
    }
    const room = options.work.hasRoom;
    const acknowledged = inbox.acknowledge(room ? ack() : ack({ response_type: 'ephemeral', text: BUSY }));
    if (room) inbox.answer(place, async () => options.desk.launch(text, await options.identities.of(sender)));
    await acknowledged;
  });

  app.action(/[\s\S]*/, async ({ body, action, context, ack }) => {
    const acknowledged = inbox.acknowledge(ack());
    if (body.type === 'block_actions' && 'action_id' in action) {
      const message = field(body, 'message');
      const container = field(body, 'container');
      const at = text(message, 'ts') ?? text(container, 'message_ts');
      const thread = text(message, 'thread_ts') ?? text(container, 'thread_ts');
      const channel = body.channel?.id ?? text(container, 'channel_id');
      const place: Place = {
        user: body.user.id,
        channel,
        // A reply is answered in its thread; a head in the channel, where it was pressed and is seen.
        thread: thread !== undefined && thread !== at ? thread : undefined,
        responseUrl: body.response_url,
      };
      const sender = {
        user: body.user.id,
        name: body.user.name ?? body.user.username ?? body.user.id,
        team: body.user.team_id ?? body.team?.id,
        channel,
      };
      const id = `a:${action.action_ts}:${body.user.id}:${at}:${action.action_id}`;
      if (inbox.refuses(text(body, 'api_app_id')) === undefined && inbox.first(context, [id]))
        inbox.press(unpack(text(action, 'value') ?? action.action_id), sender, place, body.trigger_id);
    }
    await acknowledged;
  });

  app.view({ callback_id: /[\s\S]*/, type: 'view_submission' }, async ({ body, view, context, ack }) => {
    const opened = view.callback_id === FORM_CALLBACK ? remembered(view.private_metadata) : undefined;
    if (!opened || inbox.refuses(body.api_app_id) !== undefined) return await inbox.acknowledge(ack());
    const { form, ...where } = opened;
    const place: Place = { user: body.user.id, channel: undefined, ...where };
    const sender = {
      user: body.user.id,
      name: body.user.name ?? body.user.id,
      team: body.user.team_id ?? body.team?.id,
      channel: where.channel,
    };
    const values = formValues(view.state.values);
    const errors = inbox.formErrors(form, values, sender, view.blocks);
    if (errors) return await inbox.acknowledge(ack({ response_action: 'errors', errors }));
    const acknowledged = inbox.acknowledge(ack());
    // A form is sent once: its view's id is the same in every delivery of it.
    if (inbox.first(context, [`v:${view.id}`]))
      inbox.answer(place, async () => options.desk.submit(form, values, await options.identities.of(sender)));
    await acknowledged;
  });
}

class Inbox {
  constructor(private readonly options: ListenOptions) {}

  /** A word to the asker when nothing is taken; an empty one when it is not for us. */
  refuses(appId: string | undefined): string | undefined {
    const ours = this.options.appId();
    if (appId !== undefined && ours !== undefined && appId !== ours) {
      this.options.health('app')(
        'degraded',
        `a delivery for another app (${masked(appId).slice(0, 20)}) arrived here`,
        'Each app needs tokens of its own: check where chat.slack.appToken comes from.',
      );
      return '';
    }
    return this.options.stopping() ? STOPPING : undefined;
  }

  first(context: Readonly<Record<string, unknown>>, ids: readonly string[]): boolean {
    const envelope = context['envelopeId'];
    return this.options.once.first(typeof envelope === 'string' ? [`e:${envelope}`, ...ids] : ids);
  }

  /** A socket that closes before the acknowledgement is out has delivered all the same: the work is done. */
  async acknowledge(sent: Promise<void>): Promise<void> {
    try {
      await sent;
    } catch (thrown) {
      this.options.log.info({ problem: masked(reason(thrown)) }, 'an acknowledgement did not go out');
    }
  }

  answer(place: Place, work: () => Promise<Message>): void {
    if (!this.options.work.hasRoom) this.#aside(place, BUSY);
    else this.options.work.add(() => this.options.answers.when(place, this.#sound(work)));
  }

  press(button: Pressed | undefined, sender: Sender, place: Place, trigger: string): void {
    const { desk, identities, stopping } = this.options;
    if (stopping()) this.#aside(place, STOPPING);
    else if (!button) this.answer(place, async () => one(OUT_OF_DATE));
    else if (opensForm(button.kind)) this.form(button, sender, place, trigger);
    else this.answer(place, async () => desk.press(button, await identities.of(sender)));
  }

  /** Not behind the questions that wait: a trigger lives three seconds. */
  form(what: Pressed | 'launch', sender: Sender, place: Place, trigger: string): void {
    void this.#form(what, sender, place, trigger).catch((thrown: unknown) => this.#mistake(thrown));
  }

  async #form(what: Pressed | 'launch', sender: Sender, place: Place, trigger: string): Promise<void> {
    const { desk, identities, client, answers } = this.options;
    const identity = await identities.of(sender, FORM_IDENTITY_MS);
    const form = desk.form(what, identity);
    if ('blocks' in form) return answers.give(place, form);
    try {
      const opened = client.views.open({ trigger_id: trigger, view: formView(form, place) });
      const answer = await within(opened, FORM_MS, () => undefined);
      // Slack may still be opening it: a word now would be wrong more often than not.
      if (!answer) this.options.log.info('Slack is slow to open a form');
    } catch (thrown) {
      const { message } = problemOf(thrown, 'look');
      const late = /trigger/.test(message);
      if (!late) this.options.log.warn({ problem: message }, 'a form could not be opened');
      await answers.give(
        place,
        one(late ? TOO_LATE : `The form could not be opened (${message}). /launch help shows what to type.`),
      );
    }
  }

  /** By field, as Slack wants it: a problem of no field stands at the first. */
  formErrors(
    form: string,
    values: Readonly<Record<string, string>>,
    sender: Sender,
    blocks: readonly { readonly type: string; readonly block_id?: string }[],
  ): Record<string, string> | undefined {
    const inputs = blocks.flatMap(({ type, block_id }) => (type === 'input' && block_id ? [block_id] : []));
    const [first] = inputs;
    try {
      // From memory, so without asking who it is: what decides a right is asked before anything is done.
      const identity = this.options.identities.presumed(sender);
      const problems = Object.entries(this.options.desk.formProblems(form, values, identity));
      if (problems.length === 0 || first === undefined) return undefined;
      return Object.fromEntries(
        problems.map(([name, words]) => [inputs.includes(name) ? name : first, words]),
      );
    } catch (thrown) {
      this.#mistake(thrown);
      return undefined;
    }
  }

  #aside(place: Place, words: string): void {
    void this.options.answers.give(place, one(words)).catch((thrown: unknown) => this.#mistake(thrown));
  }

  async #sound(work: () => Promise<Message>): Promise<Message> {
    try {
      return await work();
    } catch (thrown) {
      this.#mistake(thrown);
      return one(
        'Warroom made a mistake of its own here; its log has the details. Nothing was changed by this answer.',
      );
    }
  }

  #mistake(thrown: unknown): void {
    this.options.log.error({ err: thrown }, 'a Slack delivery could not be worked on');
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === 'string' && found !== '' ? found : undefined;
}
