import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import type { Action, Message } from '../../message/contract.ts';
import type { Identity } from '../../people/person.ts';
import type { PlatformPort } from '../platform.ts';

/** A button as it comes back from a card: only ids, never what it does. */
export type Pressed = Pick<Action, 'kind' | 'id' | 'planHash'>;

/** A question with fields, shown as a platform's modal. At most 5 fields, since Discord takes no more. */
export interface Form {
  /** Says what it is about; comes back with the answers. At most 100 characters. */
  readonly id: string;
  /** At most 45 characters. */
  readonly title: string;
  /** At most 24 characters. */
  readonly submit: string;
  readonly fields: readonly FormField[];
}

export interface FormField {
  /** At most 40 characters, of `[a-zA-Z0-9_-]`. */
  readonly name: string;
  /** At most 45 characters. */
  readonly label: string;
  /** At most 100 characters. */
  readonly about?: string;
  /** `choice` has 1 to 25 choices. */
  readonly kind: 'text' | 'long-text' | 'choice';
  readonly choices?: readonly { readonly value: string; readonly label: string }[];
  readonly value?: string;
  readonly required: boolean;
}

/** Field -> what a person wrote; an empty field is left out. */
export type FormValues = Readonly<Record<string, string>>;

/** What a chat platform may ask of the bot beside the outbox. Rights are decided inside, at the moment of the call. */
export interface ChatDesk {
  /** What `/launch text` answers, to this asker. Never throws for bad input. `--here` in it is handled inside. */
  launch(text: string, identity: Identity): Promise<Message>;
  /** At most 25 completions of the last word. */
  complete(text: string, identity: Identity): string[];
  /** A button that opens no form; the answer is for the presser alone. */
  press(button: Pressed, identity: Identity): Promise<Message>;
  /** What a form-opening button (`opensForm`), or a bare `/launch`, shows. From memory: a trigger lives 3 s. */
  form(button: Pressed | 'launch', identity: Identity): Form | Message;
  /** What is wrong with the answers, by field; empty when they may be sent. From memory. */
  formProblems(formId: string, values: FormValues, identity: Identity): Readonly<Record<string, string>>;
  /** Does what the form asks; the answer is for the sender alone. */
  submit(formId: string, values: FormValues, identity: Identity): Promise<Message>;
  /** The one grammar, for platforms that register their commands. */
  commands(): readonly CommandShape[];
}

export interface CommandShape {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly about: string;
    readonly kind: 'word' | 'text' | 'duration';
    readonly required: boolean;
    /** Completions exist. */
    readonly completes: boolean;
  }[];
  readonly flags: readonly { readonly name: string; readonly about: string }[];
}

/** A part of a platform reports here; `self.chat` judges it. `mend` is what a person must do. */
export type ReportHealth = (state: 'ok' | 'degraded' | 'down', what: string, mend?: string) => void;

export interface ChatContext {
  readonly desk: ChatDesk;
  readonly config: () => Config;
  readonly log: Logger;
  /** `part`: `socket`, `channel`, `commands`, …; the board's part is `chat:PLATFORM/part`. */
  readonly health: (part: string) => ReportHealth;
  readonly now: () => number;
}

/** A chat platform: the port that the outbox delivers through, and the connection that presses and commands come in by. */
export interface ChatPlatform {
  readonly port: PlatformPort;
  /**
   * Connects, and goes on trying by itself with backoff and jitter for as long as it is not stopped. Never rejects
   * for a platform that is away or a token that is refused: that is reported to health with its mend.
   */
  start(): Promise<void>;
  /** Takes nothing new, waits for what is in hand (5 s at most), disconnects. */
  stop(): Promise<void>;
}

/** One line of `doctor`. */
export interface ChatFinding {
  readonly state: 'ok' | 'missing' | 'wrong';
  readonly about: string;
  readonly what: string;
  readonly mend?: string;
}

/** Buttons whose press is answered by a form: platforms must know before they acknowledge. */
export function opensForm(kind: Action['kind']): boolean {
  return kind === 'silence' || kind === 'ask-again' || kind === 'parameters';
}

/** A button in at most 100 characters of `[A-Za-z0-9:._-]`; `unpack` is undefined for what we did not make. */
export function pack({ kind, id, planHash }: Pressed): string {
  return [kind, id, ...(planHash === undefined ? [] : [planHash])].join(':');
}

const PACKED =
  /^(acknowledge|silence|approve|refuse|show-plan|ask-again|parameters|give-back|timeline):([0-9]{1,9}(?:-[A-Z]{1,3}|\.[a-z-]{1,24})?)(?::([0-9a-f]{64}))?$/;

export function unpack(text: string): Pressed | undefined {
  const [, kind, id, planHash] = PACKED.exec(text) ?? [];
  if (kind === undefined || id === undefined) return undefined;
  return { kind: kind as Pressed['kind'], id, ...(planHash === undefined ? {} : { planHash }) };
}
