import type { Finding, Level, Unit } from '../checks/contract.ts';
import type { Message } from '../message/contract.ts';
import type { Identity } from '../people/person.ts';
import type { PressResult, ProposalJson } from '../remediations/contract.ts';

export type { PressResult, ProposalJson, ProposalState, StepJson } from '../remediations/contract.ts';

/** What every face (console, terminal socket, later chat) asks of the bot; also the JSON of the console's API. Times are UTC ms. */
export interface Desk {
  status(): StatusJson;
  /** The newest finding of each identity, those that span tiers and Warroom's own too. */
  findings(): readonly Finding[];
  /** Newest first; `state` narrows to open ones (`open`) or one state. */
  incidents(state?: string): IncidentJson[];
  incident(id: string): IncidentJson | undefined;
  /** Messages of the channel itself, oldest first: hello, set-up card, marks, answers shown to all. At most 200. */
  notes(): NoteJson[];
  /** What `/launch text` answers, to this asker. Never throws for bad input: the answer says what is wrong. */
  launch(text: string, identity: Identity): Promise<Message>;
  /** Completions of the last word, at most 25. */
  complete(text: string, identity: Identity): string[];
  approve(proposalId: string, planHash: string, identity: Identity): Promise<PressResult>;
  refuse(proposalId: string, planHash: string, identity: Identity): Promise<PressResult>;
  mark(text: string, identity: Identity): Promise<PressResult>;
  readings(query: { metric: string; target: string; windowMs: number }): SeriesJson;
  /** Rights of an identity at this moment. */
  whoIs(identity: Identity): { name: string; rights: readonly string[] };
  /** Called for every change; returns the way to stop it. */
  subscribe(listener: (event: DeskEvent) => void): () => void;
}

/** `id` grows by one an event in this process; a reader that missed some asks for everything again. */
export type DeskEvent = { readonly id: number } & (
  | { readonly type: 'status'; readonly status: StatusJson }
  | { readonly type: 'incident'; readonly incident: IncidentJson }
  | { readonly type: 'note'; readonly note: NoteJson }
);

export interface StatusJson {
  readonly launch: { readonly name: string; readonly timezone: string };
  readonly at: number;
  readonly level: Level;
  readonly visitors: {
    readonly requests: number;
    readonly p95: number | null;
    readonly errorShare: number | null;
    readonly limit: number;
    readonly at: number;
  } | null;
  /** From visitors down to databases. */
  readonly services: readonly ServiceJson[];
  readonly hosts: readonly ServiceJson[];
  readonly incidents: readonly IncidentSummary[];
  readonly setUp: readonly SetUpJson[];
  readonly counts: {
    readonly ok: number;
    readonly warn: number;
    readonly critical: number;
    readonly unknown: number;
  };
  readonly handsOff: { readonly since: number; readonly by: string } | null;
  readonly silences: readonly {
    readonly scope: string;
    readonly until: number;
    readonly by: string;
    readonly reason: string;
  }[];
  /** `status` as a message, the same that `/launch status` answers. */
  readonly message: Message;
}

export interface ServiceJson {
  readonly name: string;
  readonly kind: string;
  readonly on: readonly string[];
  readonly level: Level | 'set-up' | 'unwatched';
  readonly figures: string;
  /** When the newest figure was taken; older than two intervals must be shown with its age. */
  readonly at: number | null;
  readonly intervalMs: number;
  readonly spark: SeriesJson | null;
  readonly findings: readonly Finding[];
}

export interface SeriesJson {
  readonly metric: string;
  readonly target: string;
  readonly unit: Unit | '';
  readonly points: readonly (readonly [at: number, value: number])[];
  readonly limit?: number;
  readonly changes: readonly { readonly at: number; readonly what: string }[];
}

/** Something that Warroom may not or cannot read, with its mend; ticked off (`done`) when it is mended. */
export interface SetUpJson {
  readonly id: string;
  readonly target: string;
  readonly what: string;
  readonly mend: string;
  readonly done: boolean;
}

export type IncidentState =
  | 'open'
  | 'acknowledged'
  | 'mitigating'
  | 'resolved'
  | 'ended-unverified'
  | 'merged';

export interface IncidentSummary {
  readonly id: string;
  readonly state: IncidentState;
  readonly level: Level;
  readonly title: string;
  readonly since: number;
  readonly resolvedAt: number | null;
  readonly owner: string | null;
  readonly cause: string | null;
  readonly confidence: 'sure' | 'likely' | 'not sure' | null;
  readonly waiting: readonly string[];
}

export interface IncidentJson extends IncidentSummary {
  readonly targets: readonly string[];
  readonly findings: readonly Finding[];
  readonly heldBack: readonly string[];
  /** Failed requests counted since it opened. */
  readonly failedRequests: number;
  readonly messages: readonly ThreadMessageJson[];
  readonly proposals: readonly ProposalJson[];
  readonly timeline: readonly { readonly at: number; readonly what: string; readonly by?: string }[];
}

export interface ThreadMessageJson {
  readonly id: string;
  readonly role: 'head' | 'reply';
  readonly at: number;
  readonly editedAt: number | null;
  readonly message: Message;
}

export interface NoteJson {
  readonly id: string;
  readonly at: number;
  readonly editedAt: number | null;
  readonly message: Message;
}
