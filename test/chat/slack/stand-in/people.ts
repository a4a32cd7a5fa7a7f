import { createHmac, randomUUID } from 'node:crypto';
import { isRecord } from './blocks.ts';
import type { Link } from './link.ts';
import { LAUNCH, type ShownMessage, type World } from './world.ts';

/** What was sent to the app, and how it was taken. */
export interface Delivery {
  readonly type: 'slash_commands' | 'interactive' | 'events_api';
  readonly envelopeId: string;
  readonly payload: Record<string, unknown>;
  /** False when no socket was there: the person sees a failure. */
  readonly delivered: boolean;
  /** Resolves with the acknowledgement; rejects after Slack's three seconds. */
  readonly acknowledged: Promise<{
    readonly afterMs: number;
    readonly payload: unknown;
    readonly status?: number;
  }>;
}

export interface HttpApp {
  readonly url: string;
  readonly signingSecret: string;
}

const ACK_MS = 3_000;
const TRIGGER_MS = 3_000;
const RESPONSES = 5;

/** The people of the workspace: they type, press, and fill in forms. */
export class People {
  /** Where the app is reached in HTTP mode; by socket otherwise. */
  http: HttpApp | undefined;
  readonly #triggers = new Map<string, { readonly user: string; readonly at: number; used: boolean }>();
  readonly #responses = new Map<string, { readonly user: string; readonly channel: string; left: number }>();
  #held: (() => void)[] | undefined;

  constructor(
    private readonly world: World,
    private readonly link: Link,
    private readonly url: () => string,
  ) {}

  command(user: string, text: string, { channel = LAUNCH, app = this.world.appId } = {}): Delivery {
    const name = this.world.users.get(user)?.name ?? user;
    return this.#send('slash_commands', {
      ...{ token: 'old', command: '/launch', text, user_id: user, user_name: name },
      ...{ team_id: this.world.users.get(user)?.team_id ?? this.world.team, team_domain: 'stand-in' },
      ...{ channel_id: channel, channel_name: this.world.channels.get(channel)?.name ?? 'unknown' },
      ...{ response_url: this.#responseUrl(user, channel), trigger_id: this.#trigger(user), api_app_id: app },
      is_enterprise_install: 'false',
    });
  }

  /** By the button's action_id, its value, or its label. */
  press(
    user: string,
    ts: string,
    actionOrLabel: string,
    { channel = LAUNCH, actionId }: { readonly channel?: string; readonly actionId?: string } = {},
  ): Delivery {
    const message = this.world.message(ts);
    const button = buttonsOf(message).find(
      ({ action_id, value, text }) =>
        action_id === actionOrLabel || value === actionOrLabel || text.text === actionOrLabel,
    ) ?? { action_id: actionId ?? actionOrLabel, value: actionId ?? actionOrLabel, text: { text: '' } };
    const account = this.world.users.get(user);
    return this.#send('interactive', {
      type: 'block_actions',
      ...{ user: { id: user, name: account?.name, username: account?.name, team_id: account?.team_id } },
      ...{ api_app_id: this.world.appId, token: 'old', team: { id: this.world.team, domain: 'stand-in' } },
      container: { type: 'message', message_ts: ts, channel_id: channel, is_ephemeral: false },
      channel: { id: channel, name: this.world.channels.get(channel)?.name },
      message: { type: 'message', ts, text: message.text, ...threadOf(message, this.world) },
      ...{ trigger_id: this.#trigger(user), response_url: this.#responseUrl(user, channel) },
      actions: [{ type: 'button', block_id: 'b1', action_ts: this.world.ts(), ...button }],
    });
  }

  submit(viewId: string, values: Readonly<Record<string, string>>): Delivery {
    const opened = this.world.views.find(({ id }) => id === viewId);
    if (!opened) throw new Error(`no view ${viewId}`);
    const account = this.world.users.get(opened.user);
    const state = Object.fromEntries(
      inputsOf(opened.view).map(({ block, action, select }) => {
        const value = values[block];
        const chosen = value === undefined ? null : { value, text: { type: 'plain_text', text: value } };
        const answer = select
          ? { type: 'static_select', selected_option: chosen }
          : { type: 'plain_text_input', value: value ?? null };
        return [block, { [action]: answer }];
      }),
    );
    return this.#send('interactive', {
      type: 'view_submission',
      ...{ user: { id: opened.user, name: account?.name, team_id: account?.team_id } },
      ...{ api_app_id: this.world.appId, team: { id: this.world.team, domain: 'stand-in' } },
      ...{ trigger_id: this.#trigger(opened.user), response_urls: [] },
      view: { ...opened.view, id: viewId, team_id: this.world.team, hash: 'h1', state: { values: state } },
    });
  }

  event(event: Record<string, unknown> | undefined, more: Record<string, unknown> = {}): Delivery {
    return this.#send('events_api', {
      ...{ type: 'event_callback', team_id: this.world.team, api_app_id: this.world.appId },
      ...{ event_id: `Ev${randomUUID()}`, event_time: Math.floor(Date.now() / 1000) },
      ...(event ? { event } : {}),
      ...more,
    });
  }

  /** The same once more: under the same envelope, or under a new one. */
  repeat(delivery: Delivery, ids: 'same' | 'new' = 'new'): Delivery {
    return this.#send(delivery.type, delivery.payload, ids === 'same' ? delivery.envelopeId : undefined, 1);
  }

  /** Holds deliveries back; `release` lets them go, in the other order if wished. */
  hold(): void {
    this.#held = [];
  }

  release(order: 'as-sent' | 'reversed' = 'as-sent'): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of order === 'reversed' ? held.reverse() : held) send();
  }

  useTrigger(id: unknown): { readonly user: string } | string {
    const trigger = this.#triggers.get(String(id));
    if (!trigger) return 'invalid_trigger_id';
    if (trigger.used) return 'exchanged_trigger_id';
    if (Date.now() - trigger.at > TRIGGER_MS) return 'expired_trigger_id';
    trigger.used = true;
    return { user: trigger.user };
  }

  useResponse(name: string): { readonly user: string; readonly channel: string } | undefined {
    const found = this.#responses.get(name);
    if (!found || found.left === 0) return undefined;
    found.left -= 1;
    return { user: found.user, channel: found.channel };
  }

  /** Every trigger so far is too old. */
  expireTriggers(): void {
    for (const [id, { user }] of this.#triggers) this.#triggers.set(id, { user, at: 0, used: false });
  }

  #trigger(user: string): string {
    const id = `${this.world.id('')}.${randomUUID()}`;
    this.#triggers.set(id, { user, at: Date.now(), used: false });
    return id;
  }

  #responseUrl(user: string, channel: string): string {
    const name = randomUUID();
    this.#responses.set(name, { user, channel, left: RESPONSES });
    return `${this.url()}response/${name}`;
  }

  #send(
    type: Delivery['type'],
    payload: Record<string, unknown>,
    envelopeId: string = randomUUID(),
    retry = 0,
  ): Delivery {
    const delivery: { -readonly [K in keyof Delivery]: Delivery[K] } = {
      ...{ type, envelopeId, payload, delivered: true },
      acknowledged: Promise.resolve({ afterMs: 0, payload: {} }),
    };
    const go = (): Delivery['acknowledged'] => {
      const at = performance.now();
      if (this.http) return postSigned(this.http, type, payload, at, retry);
      const envelope = {
        envelope_id: envelopeId,
        type,
        accepts_response_payload: type !== 'events_api',
        payload,
      };
      const again =
        type === 'events_api' ? { retry_attempt: retry, retry_reason: retry ? 'timeout' : '' } : {};
      const acknowledged = this.link.deliver({ ...envelope, ...again });
      delivery.delivered = acknowledged !== undefined;
      return inTime(
        (acknowledged ?? Promise.reject(new Error('no socket'))).then((answer) => ({
          ...{ afterMs: performance.now() - at, payload: answer },
        })),
      );
    };
    if (!this.#held) delivery.acknowledged = go();
    else {
      const held = this.#held;
      delivery.acknowledged = new Promise((resolve) => held.push(() => resolve(go())));
    }
    // Whoever wants to know asks; one that nobody asks for is no failure.
    delivery.acknowledged.catch(() => undefined);
    return delivery;
  }
}

export function signed(
  secret: string,
  body: string,
  at = Math.floor(Date.now() / 1000),
): Record<string, string> {
  const digest = createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex');
  return { 'x-slack-request-timestamp': String(at), 'x-slack-signature': `v0=${digest}` };
}

/** The body of a delivery in HTTP mode. */
export function httpBody(
  type: Delivery['type'],
  payload: Record<string, unknown>,
): { body: string; contentType: string } {
  if (type === 'events_api') return { body: JSON.stringify(payload), contentType: 'application/json' };
  const fields: Record<string, string> =
    type === 'slash_commands'
      ? Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, String(value)]))
      : { payload: JSON.stringify(payload) };
  return { body: new URLSearchParams(fields).toString(), contentType: 'application/x-www-form-urlencoded' };
}

async function postSigned(
  { url, signingSecret }: HttpApp,
  type: Delivery['type'],
  payload: Record<string, unknown>,
  at: number,
  retry: number,
): Promise<{ afterMs: number; payload: unknown; status: number }> {
  const { body, contentType } = httpBody(type, payload);
  const again: Record<string, string> = retry
    ? { 'x-slack-retry-num': String(retry), 'x-slack-retry-reason': 'http_timeout' }
    : {};
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': contentType, ...signed(signingSecret, body), ...again },
    body,
    signal: AbortSignal.timeout(ACK_MS),
  });
  const text = await answer.text();
  return {
    afterMs: performance.now() - at,
    status: answer.status,
    payload: text ? (JSON.parse(text) as unknown) : {},
  };
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('not acknowledged in 3 s')), ACK_MS);
    timer.unref();
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

interface ButtonJson {
  readonly action_id: string;
  readonly value: string;
  readonly text: { readonly text: string };
}

export function buttonsOf(message: Pick<ShownMessage, 'blocks'>): ButtonJson[] {
  return message.blocks.flatMap((block) =>
    block.type === 'actions' && Array.isArray(block['elements']) ? (block['elements'] as ButtonJson[]) : [],
  );
}

function inputsOf(view: Record<string, unknown>): { block: string; action: string; select: boolean }[] {
  const blocks = Array.isArray(view['blocks']) ? (view['blocks'] as unknown[]) : [];
  return blocks.flatMap((block) => {
    if (!isRecord(block) || block['type'] !== 'input' || !isRecord(block['element'])) return [];
    const { type, action_id } = block['element'];
    return [
      { block: String(block['block_id']), action: String(action_id), select: type === 'static_select' },
    ];
  });
}

function threadOf(message: ShownMessage, world: World): { thread_ts?: string } {
  if (message.thread_ts !== undefined) return { thread_ts: message.thread_ts };
  const hasReplies = [...world.channels.values()].some((channel) =>
    channel.messages.some(({ thread_ts }) => thread_ts === message.ts),
  );
  return hasReplies ? { thread_ts: message.ts } : {};
}
