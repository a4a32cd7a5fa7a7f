import type { Finding } from '../checks/contract.ts';
import { identity } from '../checks/contract.ts';
import type { Stack } from '../config/stack.ts';
import type { Explanation } from '../diagnosis/contract.ts';
import { covers, type Incident, type IncidentState, isOpen, type Part } from './record.ts';
import { holdsBack, isOurs, isRoot, levelOf, sameCause, spans, steadied, symptoms, worse } from './rules.ts';
import { advance, clears, count, NEW_TRACK, opens, type Track } from './samples.ts';
import { Tracks } from './tracks.ts';

/** What happened to an incident; `said` is a line for its timeline, `reply` whether the thread gets a message for it. */
export interface IncidentEvent {
  readonly incident: number;
  readonly kind:
    | 'opened'
    | 'joined'
    | 'level'
    | 'changed'
    | 'cause'
    | 'cleared'
    | 'resolved'
    | 'reopened'
    | 'merged'
    | 'ended-unverified'
    | 'acknowledged'
    | 'state';
  readonly at: number;
  readonly said: string;
  readonly by?: string;
  readonly reply: boolean;
}

export interface BookOptions {
  readonly stack: Stack;
  /** True when a finding is silenced at this moment. */
  readonly silenced: (finding: Finding, at: number) => boolean;
  readonly nextId: number;
}

const JOIN_MS = 30_000;
const REOPEN_MS = 10 * 60_000;
/** Without a sample for longer, what was counted begins anew. */
const GAP_MS = 120_000;
const THIN_END_MS = 15 * 60_000;
/** Ended incidents kept in memory for reopening and listing. */
const ENDED_KEPT = 200;

/** All incidents in memory and the rules by which they open, join, merge, clear and end. No I/O, no clock. */
export class IncidentBook {
  readonly #incidents = new Map<number, Incident>();
  readonly #tracks = new Tracks();
  #nextId: number;

  constructor(private readonly options: BookOptions) {
    this.#nextId = options.nextId;
  }

  /** Puts stored incidents back after a start. Their parts must be seen good three times to clear, as before. */
  restore(incidents: readonly Incident[]): void {
    for (const incident of incidents) {
      this.#incidents.set(incident.id, incident);
      this.#nextId = Math.max(this.#nextId, incident.id + 1);
      // Open parts were seen before the start: silence about them must not count as "never seen well".
      if (isOpen(incident))
        for (const id of Object.keys(incident.parts)) this.#tracks.set(id, { counts: [], wasSeen: true });
    }
  }

  all(): Incident[] {
    return [...this.#incidents.values()].sort((a, b) => b.id - a.id);
  }

  open(): Incident[] {
    return this.all().filter(isOpen);
  }

  get(id: number): Incident | undefined {
    return this.#incidents.get(id);
  }

  /** Takes one judged batch: all findings of one check at one target. */
  take(batch: { at: number; check: string; target: string; findings: readonly Finding[] }): IncidentEvent[] {
    const events: IncidentEvent[] = [];
    const named = new Set(batch.findings.map(identity));
    const findings = [...batch.findings, ...this.#gone(batch, named)];
    for (const finding of findings) events.push(...this.#takeOne(finding, batch.at));
    return events;
  }

  /** A subject that was bad and that the check does not name any more counts as good, unless the check could not look. */
  #gone(
    batch: { check: string; target: string; findings: readonly Finding[] },
    named: ReadonlySet<string>,
  ): Finding[] {
    if (batch.findings.length > 0 && batch.findings.every((finding) => finding.level === 'unknown'))
      return [];
    const prefix = `${batch.check}@${batch.target}`;
    return this.#tracks.of(prefix).flatMap(([id, track]) => {
      if (named.has(id)) return [];
      if (track.counts.every((one) => one === 'good') && track.counts.length === 3 && !this.#holder(id)) {
        this.#tracks.delete(id);
        return [];
      }
      const subject = id.slice(prefix.length + 1);
      return [
        {
          check: batch.check,
          target: batch.target,
          ...(subject ? { subject } : {}),
          level: 'ok' as const,
          cleared: true,
          certain: false,
          basis: 'enough' as const,
          summary: `${subject || batch.target} is no longer affected.`,
          evidence: [],
        },
      ];
    });
  }

  #takeOne(finding: Finding, at: number): IncidentEvent[] {
    const id = identity(finding);
    const track = advance(this.#tracks.get(id) ?? NEW_TRACK, finding);
    this.#tracks.set(id, track);
    const holder = this.#holder(id);
    if (holder) return this.#update(holder, id, finding, track, at);
    if (!opens(track, finding)) return [];
    if (this.options.silenced(finding, at)) return [];
    return this.#place(id, finding, at);
  }

  #holder(id: string): Incident | undefined {
    return this.open().find((incident) => incident.parts[id] !== undefined);
  }

  /** A finding that became bad and is in no open incident: hold back, reopen, join, or open. */
  #place(id: string, finding: Finding, at: number): IncidentEvent[] {
    const part: Part = { finding, since: at, state: 'bad' };
    const open = this.open();
    const explained = open.find(
      (incident) =>
        incident.causes.some((cause) => covers(cause, id)) ||
        holdsBack(incident, finding, this.options.stack),
    );
    if (explained) {
      this.#put({
        ...explained,
        parts: { ...explained.parts, [id]: { ...part, state: 'held' } },
        level: worse(explained.level, finding.level),
        updatedAt: at,
      });
      return [event(explained.id, 'joined', at, `${id}: ${finding.summary}`, false)];
    }
    // HAProxy and the collectors see a dead host long before its connection is given up: the thread is there already.
    const about = open
      .toReversed()
      .find((incident) => symptoms(incident, finding, this.options.stack).length > 0);
    if (about) {
      const held = symptoms(about, finding, this.options.stack).map(([key, one]) => [
        key,
        { ...one, state: 'held' as const },
      ]);
      this.#put({
        ...about,
        parts: { ...about.parts, ...Object.fromEntries(held), [id]: part },
        level: worse(about.level, finding.level),
        updatedAt: at,
      });
      return [event(about.id, 'joined', at, finding.summary, false)];
    }
    const back = this.all().find(
      (incident) =>
        incident.state === 'resolved' &&
        near(at, incident.resolvedAt ?? 0, REOPEN_MS) &&
        incident.parts[id] !== undefined,
    );
    if (back) {
      this.#put({
        ...back,
        state: back.owner ? 'acknowledged' : 'open',
        resolvedAt: null,
        level: worse('ok', finding.level),
        parts: { ...back.parts, [id]: part },
        updatedAt: at,
        thinSince: null,
      });
      return [event(back.id, 'reopened', at, `It is back: ${finding.summary}`, true)];
    }
    const connected = this.options.stack.connected(finding.target);
    const neighbour = open.find(
      (incident) =>
        near(at, incident.openedAt, JOIN_MS) &&
        Object.values(incident.parts).some(
          (other) =>
            isOurs(other.finding) === isOurs(finding) &&
            (connected.has(other.finding.target) || spans(other.finding) || spans(finding)),
        ),
    );
    if (neighbour) {
      this.#put({
        ...neighbour,
        parts: { ...neighbour.parts, [id]: part },
        level: worse(neighbour.level, finding.level),
        updatedAt: at,
      });
      return [event(neighbour.id, 'joined', at, finding.summary, false)];
    }
    const incident: Incident = {
      id: this.#nextId++,
      state: 'open',
      level: finding.level,
      openedAt: at,
      updatedAt: at,
      resolvedAt: null,
      owner: null,
      mergedInto: null,
      parts: { [id]: part },
      causes: [],
      diagnosedAt: null,
      failedRequests: 0,
      visitorRequests: 0,
      worstP95: null,
      thinSince: null,
    };
    this.#put(incident);
    return [event(incident.id, 'opened', at, finding.summary, false)];
  }

  #update(incident: Incident, id: string, finding: Finding, track: Track, at: number): IncidentEvent[] {
    const before = incident.parts[id] as Part;
    const counted = count(finding);
    const cleared = clears(track);
    const state = cleared
      ? 'cleared'
      : counted === 'bad' && before.state === 'cleared'
        ? opens(track, finding)
          ? 'bad'
          : 'cleared'
        : before.state;
    // A good sample before the third one keeps the bad finding on show: the head must not flicker.
    const shown = counted === 'bad' || cleared ? finding : before.finding;
    const parts = {
      ...incident.parts,
      [id]: {
        finding: shown,
        since: state === 'bad' && before.state === 'cleared' ? at : before.since,
        state,
      },
    };
    const next = this.#withThin({ ...incident, parts, level: levelOf(parts) }, at);
    this.#put(next);
    const events: IncidentEvent[] = [];
    if (state === 'cleared' && before.state !== 'cleared')
      events.push(event(incident.id, 'cleared', at, finding.summary, false));
    if (shown.level !== before.finding.level && state !== 'cleared')
      events.push(event(incident.id, 'level', at, finding.summary, false));
    else if (shown.summary !== before.finding.summary)
      events.push(event(incident.id, 'changed', at, '', false));
    return [...events, ...this.#settle(next, at)];
  }

  #withThin(incident: Incident, at: number): Incident {
    const active = Object.keys(incident.parts).filter((id) => incident.parts[id]?.state !== 'cleared');
    const thin = active.length > 0 && active.every((id) => this.#tracks.get(id)?.counts.at(-1) === 'neither');
    // Of a gap, or of a clock that was set, it is not known whether it was quiet.
    const since = near(at, incident.updatedAt, GAP_MS) ? incident.thinSince : null;
    return { ...incident, updatedAt: at, thinSince: thin ? (since ?? at) : null };
  }

  /** Ends an incident whose parts are all clear, or that stayed without traffic. */
  #settle(incident: Incident, at: number): IncidentEvent[] {
    const parts = Object.values(incident.parts);
    if (parts.every((part) => part.state === 'cleared')) {
      this.#put({ ...incident, state: 'resolved', resolvedAt: at, updatedAt: at });
      return [event(incident.id, 'resolved', at, 'All its findings are good again.', true)];
    }
    if (incident.thinSince !== null && at - incident.thinSince >= THIN_END_MS) {
      this.#put({ ...incident, state: 'ended-unverified', resolvedAt: at, updatedAt: at });
      return [
        event(incident.id, 'ended-unverified', at, 'Traffic gone for 15 minutes: ended, not verified.', true),
      ];
    }
    return [];
  }

  /** The newest diagnosis of an incident. Merges two incidents with one cause into the older. */
  explain(id: number, found: readonly Explanation[], at: number): IncidentEvent[] {
    const incident = this.#incidents.get(id);
    if (!incident || !isOpen(incident)) return [];
    // While it heals nothing is at work any more: the thread keeps the cause that it was about.
    const causes =
      found.length > 0 ? found.map((cause) => steadied(cause, incident.causes)) : incident.causes;
    const best = causes[0];
    const parts = Object.fromEntries(
      Object.entries(incident.parts).map(([key, part]) => [
        key,
        part.state === 'bad' && best && covers(best, key) && !isRoot(best, part.finding)
          ? { ...part, state: 'held' as const }
          : part,
      ]),
    );
    this.#put({ ...incident, parts, causes, diagnosedAt: at, updatedAt: at });
    const events: IncidentEvent[] = [];
    const known = incident.causes[0];
    if (
      best &&
      (known?.cause !== best.cause || known.target !== best.target || known.confidence !== best.confidence)
    ) {
      events.push(event(id, 'cause', at, `Cause: ${best.title} (${best.confidence}).`, false));
    } else if (JSON.stringify(known) !== JSON.stringify(best) || incident.diagnosedAt === null) {
      events.push(event(id, 'changed', at, '', false));
    }
    return [...events, ...this.#merge(id, at)];
  }

  #merge(id: number, at: number): IncidentEvent[] {
    const incident = this.#incidents.get(id);
    const best = incident?.causes[0];
    if (!incident || !best) return [];
    const twin = this.open().find(
      (other) =>
        other.id !== id &&
        (sameCause(other, best) || Object.keys(other.parts).every((part) => covers(best, part))),
    );
    if (!twin) return [];
    const [older, younger] = twin.id < id ? [twin, incident] : [incident, twin];
    this.#put({
      ...older,
      parts: { ...younger.parts, ...older.parts },
      level: worse(older.level, younger.level),
      causes: older.causes.length ? older.causes : younger.causes,
      failedRequests: older.failedRequests + younger.failedRequests,
      updatedAt: at,
    });
    this.#put({ ...younger, state: 'merged', mergedInto: older.id, resolvedAt: at, updatedAt: at });
    return [
      event(younger.id, 'merged', at, `Same cause as #${older.id}: it goes on there.`, true),
      event(older.id, 'joined', at, `#${younger.id} had the same cause and was merged into this one.`, false),
    ];
  }

  acknowledge(id: number, by: string, at: number): IncidentEvent[] {
    const incident = this.#incidents.get(id);
    if (!incident || !isOpen(incident) || incident.owner === by) return [];
    this.#put({
      ...incident,
      owner: by,
      state: incident.state === 'open' ? 'acknowledged' : incident.state,
      updatedAt: at,
    });
    return [{ ...event(id, 'acknowledged', at, `${by} has it.`, true), by }];
  }

  /** mitigating while a remediation runs, then back to what it was. */
  mitigating(id: number, on: boolean, at: number): IncidentEvent[] {
    const incident = this.#incidents.get(id);
    if (!incident || !isOpen(incident)) return [];
    const state: IncidentState = on ? 'mitigating' : incident.owner ? 'acknowledged' : 'open';
    if (state === incident.state) return [];
    this.#put({ ...incident, state, updatedAt: at });
    return [event(id, 'state', at, '', false)];
  }

  /** Adds what visitors lost in the last seconds to every open incident that is about them. */
  countVisitors(figures: { failed: number; requests: number; p95: number | null }): void {
    for (const incident of this.open()) {
      this.#put({
        ...incident,
        failedRequests: incident.failedRequests + figures.failed,
        visitorRequests: incident.visitorRequests + figures.requests,
        worstP95: figures.p95 === null ? incident.worstP95 : Math.max(incident.worstP95 ?? 0, figures.p95),
      });
    }
  }

  #put(incident: Incident): void {
    this.#incidents.set(incident.id, incident);
    const ended = [...this.#incidents.values()].filter((one) => !isOpen(one));
    for (const old of ended.sort((a, b) => a.id - b.id).slice(0, Math.max(0, ended.length - ENDED_KEPT)))
      this.#incidents.delete(old.id);
  }
}

/** Also not from a time to come: then the clock was set back since. */
function near(at: number, then: number, ms: number): boolean {
  return Math.abs(at - then) <= ms;
}

function event(
  incident: number,
  kind: IncidentEvent['kind'],
  at: number,
  said: string,
  reply: boolean,
): IncidentEvent {
  return { incident, kind, at, said, reply };
}
