import { computed, signal } from '@preact/signals';
import type { IncidentJson, NoteJson, StatusJson } from '../../src/bot/contract.ts';
import type { Message } from '../../src/message/contract.ts';

/** Everything that the pages show. Written by ./stream.ts and ./api.ts, read by all. */
export interface Me {
  readonly name: string;
  readonly rights: readonly string[];
  readonly csrf?: string;
}

/** What the bot answered to this person alone. */
export interface Answer {
  readonly id: string;
  readonly at: number;
  readonly asked: string;
  /** null while it is awaited. */
  readonly message: Message | null;
}

export type Connection =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly since: number; readonly attempt: number; readonly nextAt: number };

/** undefined: not asked yet. null: not signed in. */
export const me = signal<Me | null | undefined>(undefined);
export const status = signal<StatusJson | null>(null);
export const incidents = signal<ReadonlyMap<string, IncidentJson>>(new Map());
export const notes = signal<readonly NoteJson[]>([]);
export const answers = signal<readonly Answer[]>([]);
export const here = signal<readonly string[]>([]);
export const connection = signal<Connection>({ state: 'connecting' });
/** The first load is through, so "nothing" may be said. */
export const loaded = signal(false);
export const announcement = signal<{ readonly text: string; readonly urgent: boolean } | null>(null);

const RANK = { critical: 3, warn: 2, unknown: 1, ok: 0 } as const;

export const openIncidents = computed(() =>
  [...incidents.value.values()]
    .filter((incident) => incident.resolvedAt === null)
    .sort((a, b) => RANK[b.level] - RANK[a.level] || a.since - b.since),
);
export const worstIncident = computed(() => openIncidents.value[0]);

/**
 * The thread that shows by itself. It stays while it is open, even when a worse one comes, and after it resolved
 * until another opens: nobody's thread is taken away under their eyes.
 */
let following: string | undefined;
export const followedIncident = computed(() => {
  const before = following === undefined ? undefined : incidents.value.get(following);
  const next = before?.resolvedAt === null ? before : (worstIncident.value ?? before);
  following = next?.id;
  return next;
});

/** The proposal that waits for a person, the worst incident's first. */
export const waitingProposal = computed(() =>
  openIncidents.value
    .flatMap((incident) => incident.proposals)
    .find((proposal) => proposal.state === 'pending'),
);

/** A right that the server will ask again at the press; here it only explains the button. */
export const mayApprove = computed(() => me.value?.rights.includes('approve') ?? false);

export function keepIncident(incident: IncidentJson): void {
  const before = incidents.value.get(incident.id);
  incidents.value = new Map(incidents.value).set(incident.id, incident);
  if (!before && incident.resolvedAt === null)
    announce(`${incident.level}: incident ${incident.id}, ${incident.title}`, incident.level === 'critical');
  else if (before?.resolvedAt === null && incident.resolvedAt !== null)
    announce(`Incident ${incident.id} is over: ${incident.state}`, false);
}

export function keepNote(note: NoteJson): void {
  const others = notes.value.filter((one) => one.id !== note.id);
  notes.value = [...others, note].sort((a, b) => a.at - b.at);
}

function announce(text: string, urgent: boolean): void {
  announcement.value = { text, urgent };
}
