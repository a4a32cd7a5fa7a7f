import type { Evidence, System } from '../../checks/contract.ts';
import type { Seen } from '../../checks/seen.ts';
import type { Config, Right } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import type { Wish } from '../../diagnosis/contract.ts';
import type { Message } from '../../message/contract.ts';
import type { Identity, Person } from '../../people/person.ts';
import type { IncidentJson, PressResult, ProposalJson, StatusJson } from '../contract.ts';

/** One word or phrase of a command. `text` takes all that is left. */
export interface Argument {
  readonly name: string;
  readonly about: string;
  readonly kind: 'word' | 'text' | 'duration';
  readonly required: boolean;
  /** Words that may stand here; from the state of the moment where they depend on it. */
  readonly choices?: (desk: CommandDesk) => readonly string[];
  /** Other words than the choices are refused. */
  readonly closed?: boolean;
}

/** A command: its grammar gives chat text, completion, help and docs. `run` never throws for a person's mistake: it answers. */
export interface Command {
  readonly name: string;
  readonly short: readonly string[];
  readonly summary: string;
  readonly example: string;
  readonly arguments: readonly Argument[];
  readonly flags: readonly { readonly name: string; readonly about: string }[];
  readonly needs: Right;
  run(input: Input, asker: Asker, desk: CommandDesk): Promise<Message>;
}

export interface Input {
  readonly args: Readonly<Record<string, string | undefined>>;
  readonly flags: ReadonlySet<string>;
}

export interface Asker {
  readonly identity: Identity;
  readonly person: Person;
  /** The name in audit and thread. */
  readonly name: string;
}

/** What commands may ask of the bot. */
export interface CommandDesk {
  readonly stack: Stack;
  readonly config: Config;
  readonly seen: Seen;
  readonly systems: readonly System[];
  now(): number;
  status(): StatusJson;
  incidents(state?: string): IncidentJson[];
  incident(id: string): IncidentJson | undefined;
  acknowledge(id: number, by: string): Promise<void>;
  silence(scope: string, untilMs: number, by: string, reason: string): Promise<void>;
  /** A live look with its own two snapshots; equal ones in flight are shared. Refused above 10 a minute and person. */
  look(
    system: string,
    view: string,
    target: string,
    host: string | undefined,
    args: readonly string[],
    by: string,
  ): Promise<readonly Evidence[]>;
  /** Instances of a service that can be looked at now: its servers, and the spares in use. */
  instances(service: string): readonly string[];
  propose(
    incident: number,
    wish: Wish,
    by: string,
  ): Promise<ProposalJson | { readonly refused: string; readonly mend?: string }>;
  preview(wish: Wish): Promise<ProposalJson | { readonly refused: string; readonly mend?: string }>;
  remediations(): readonly { readonly id: string; readonly summary: string; readonly risk: string }[];
  whyNot(remediation: string): Promise<readonly string[]>;
  proposal(id: string): ProposalJson | undefined;
  /** Writes into the audit log what a command refuses beyond its own right. */
  refused(identity: Identity, what: string, json: object): void;
  /** Writes into the audit log what a command did that a person answers for. */
  audited(identity: Identity, what: string, json: object): void;
  approve(id: string, planHash: string, identity: Identity): Promise<PressResult>;
  refuse(id: string, planHash: string, identity: Identity): Promise<PressResult>;
  handsOff(on: boolean, by: string): Promise<void>;
  mark(text: string, by: string): Promise<unknown>;
  /** Marks since then, oldest first; UTC ms. */
  marks(since: number): readonly { readonly at: number; readonly text: string; readonly by: string }[];
  /** When this person was here before now; undefined when never. */
  lastHere(name: string): number | undefined;
}
