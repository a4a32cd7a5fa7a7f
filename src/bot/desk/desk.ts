import type { Logger } from 'pino';
import type { Evidence, Finding, System } from '../../checks/contract.ts';
import { redactText } from '../../checks/redact.ts';
import type { Config } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import type { Wish } from '../../diagnosis/contract.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import { withoutHidden } from '../../errors/hidden.ts';
import type { History } from '../../history/history.ts';
import type { IncidentBook } from '../../incidents/book.ts';
import type { IncidentKeeper } from '../../incidents/keeper.ts';
import { isOpen } from '../../incidents/record.ts';
import { say } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import { cut } from '../../message/plain.ts';
import { decide, type Identity, nameOf, personOf } from '../../people/person.ts';
import type { Guard } from '../../remediations/guard.ts';
import type { Watcher } from '../../schedule/watcher.ts';
import { appendAudit } from '../../store/audit.ts';
import type { Store } from '../../store/store.ts';
import { answer, notAllowed, problem, refusal } from '../commands/answer.ts';
import type { CommandDesk, Input } from '../commands/contract.ts';
import type {
  Desk,
  DeskEvent,
  IncidentJson,
  NoteJson,
  PressResult,
  ProposalJson,
  SeriesJson,
  StatusJson,
} from '../contract.ts';
import type { Threads } from '../threads.ts';
import { proposalMessage } from '../views/proposal.ts';
import { CommandRunner } from './command-runner.ts';
import { incidentJson, incidentSummary } from './incident-json.ts';
import type { LiveLooks } from './live-looks.ts';
import type { Marks } from './marks.ts';
import type { Presence } from './presence.ts';
import type { SetUp } from './set-up.ts';
import type { Silences } from './silences.ts';
import { series, statusJson } from './status-json.ts';

export interface DeskParts {
  readonly config: () => Config;
  readonly stack: Stack;
  readonly systems: readonly System[];
  readonly watcher: Watcher;
  readonly history: History;
  readonly book: IncidentBook;
  readonly keeper: IncidentKeeper;
  readonly threads: Threads;
  readonly guard: Guard;
  readonly silences: Silences;
  readonly setUp: SetUp;
  readonly looks: LiveLooks;
  readonly marks: Marks;
  readonly presence: Presence;
  readonly store: Store;
  readonly log: Logger;
  readonly now: () => number;
}

/** Everything that a face may ask or press, in one place; rights are decided here or in the guard, at that moment. */
export class WarroomDesk implements Desk, CommandDesk {
  readonly #listeners = new Set<(event: DeskEvent) => void>();
  #lastEvent = 0;
  readonly #runner: CommandRunner;

  constructor(private readonly parts: DeskParts) {
    this.#runner = new CommandRunner({
      desk: this,
      threads: parts.threads,
      presence: parts.presence,
      audit: (by, what, json) => this.#audit(by, what, json),
      log: parts.log,
    });
  }

  get stack(): Stack {
    return this.parts.stack;
  }
  get config(): Config {
    return this.parts.config();
  }
  get seen(): Watcher {
    return this.parts.watcher;
  }
  get systems(): readonly System[] {
    return this.parts.systems;
  }
  now(): number {
    return this.parts.now();
  }

  status(): StatusJson {
    const { config, stack, watcher, history, book, guard, silences, now } = this.parts;
    const incidents = book
      .all()
      .filter((incident) => isOpen(incident) || now() - (incident.resolvedAt ?? 0) < 3_600_000);
    return statusJson({
      config: config(),
      stack,
      watcher,
      history,
      incidents: incidents.map((incident) => incidentSummary(incident, guard.proposals(incident.id))),
      handsOff: guard.handsOff(),
      silences: silences.inForce(),
      setUp: this.parts.setUp.items(),
      now: now(),
    });
  }

  incidents(state?: string): IncidentJson[] {
    const wanted = (incident: { state: string; resolvedAt: number | null }) =>
      state === undefined || (state === 'open' ? incident.resolvedAt === null : incident.state === state);
    return this.parts.book
      .all()
      .map((incident) => this.#json(incident.id))
      .filter((incident) => incident !== undefined)
      .filter(wanted)
      .slice(0, 200);
  }

  incident(id: string): IncidentJson | undefined {
    return this.#json(Number(id));
  }

  notes(): NoteJson[] {
    return this.parts.threads.notes();
  }

  /** What people type goes into answers, marks, the audit: a secret that slipped into it is blank from here on. */
  launch(text: string, identity: Identity): Promise<Message> {
    return this.#runner.launch(typed(text), identity);
  }

  /** A command whose arguments come from a form instead of a line. */
  run(name: string, args: Input['args'], identity: Identity): Promise<Message> {
    const clean = Object.entries(args).map(([key, text]) => [key, text && typed(text)] as const);
    return this.#runner.run(name, Object.fromEntries(clean), identity);
  }

  complete(text: string, identity: Identity): string[] {
    return this.#runner.complete(text, identity);
  }

  /** A remediation with its parameters, for an incident, by a person. */
  async proposeFor(
    incident: number,
    remediation: string,
    params: Readonly<Record<string, unknown>>,
    identity: Identity,
  ): Promise<Message> {
    const allowed = decide(identity, 'operate', this.config);
    if (!allowed.allowed) {
      await this.#audit(identity, 'fix refused', { incident, remediation });
      return notAllowed('use fix', allowed);
    }
    if (!this.parts.book.get(incident))
      return problem('NOT_FOUND', { kind: 'incident', id: String(incident), hint: 'It is too old.' });
    const made = await this.propose(
      incident,
      { remediation, params, effect: 'relief' },
      nameOf(allowed.person),
    );
    return 'refused' in made ? refusal(made) : proposalMessage(made);
  }

  /** Into the audit log, without being waited for: who is refused a form has three seconds to be told. */
  refused(identity: Identity, what: string, json: object): void {
    this.#audit(identity, `${what} refused`, json).catch((thrown: unknown) =>
      this.parts.log.error({ err: thrown, what }, 'a refusal could not be written into the audit log'),
    );
  }

  audited(identity: Identity, what: string, json: object): void {
    this.#audit(identity, what, json).catch((thrown: unknown) =>
      this.parts.log.error({ err: thrown, what }, 'a row of the audit log could not be written'),
    );
  }

  approve(proposalId: string, planHash: string, identity: Identity): Promise<PressResult> {
    return this.parts.guard.approve(proposalId, planHash, identity);
  }

  refuse(proposalId: string, planHash: string, identity: Identity): Promise<PressResult> {
    return this.parts.guard.refuse(proposalId, planHash, identity);
  }

  mark(text: string, by: Identity): Promise<PressResult>;
  mark(text: string, by: string): Promise<undefined>;
  async mark(text: string, by: Identity | string): Promise<PressResult | undefined> {
    if (typeof by === 'string') {
      await this.#mark(text, by);
      return undefined;
    }
    const allowed = decide(by, 'operate', this.config);
    if (!allowed.allowed) {
      await this.#audit(by, 'mark refused', { text: cut(text, 200) });
      return {
        ok: false,
        status: 403,
        reason: allowed.reason,
        message: notAllowed('set a mark', allowed),
      };
    }
    if (text.trim() === '')
      return {
        ok: false,
        status: 409,
        reason: 'A mark needs a text.',
        message: answer(say`A mark needs a text.`),
      };
    const clean = typed(text);
    await this.#mark(clean, nameOf(allowed.person));
    return { ok: true, message: answer(say`Marked: ${clean}`) };
  }

  findings(): readonly Finding[] {
    return this.parts.watcher.findings();
  }

  readings(query: { metric: string; target: string; windowMs: number }): SeriesJson {
    return series(this.parts.history, this.parts.watcher, query.metric, query.target, query.windowMs);
  }

  whoIs(identity: Identity): { name: string; rights: readonly string[] } {
    const person = personOf(identity, this.config);
    return { name: nameOf(person), rights: person.rights };
  }

  subscribe(listener: (event: DeskEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells every face what changed. */
  tellIncident(id: number): void {
    const incident = this.#json(id);
    if (incident) this.#emit({ type: 'incident', incident });
  }
  tellStatus(): void {
    if (this.#listeners.size > 0) this.#emit({ type: 'status', status: this.status() });
  }
  tellNotes(): void {
    const note = this.notes().at(-1);
    if (note) this.#emit({ type: 'note', note });
  }

  async acknowledge(id: number, by: string): Promise<void> {
    this.parts.keeper.take(this.parts.book.acknowledge(id, by, this.now()));
    await this.parts.keeper.flush();
  }

  async silence(scope: string, untilMs: number, by: string, why: string): Promise<void> {
    await this.parts.silences.add(scope, untilMs, by, why);
    await this.#audit(by, 'silence', { scope, untilMs, why });
  }

  async look(
    system: string,
    view: string,
    target: string,
    host: string | undefined,
    args: readonly string[],
    by: string,
  ): Promise<readonly Evidence[]> {
    const found = this.systems.find((one) => one.id === system);
    const place = this.parts.watcher
      .places(target)
      .find((one) => one.system === system && (host === undefined || one.instance === host));
    if (!found || !place)
      throw new WarroomError('NOT_FOUND', {
        kind: 'place',
        id: host ?? target,
        hint: 'A spare is looked at once it is in use.',
      });
    return this.parts.looks.look(found, view, place, args, by);
  }

  instances(service: string): readonly string[] {
    return this.parts.watcher.places(service).map(({ instance }) => instance);
  }

  propose(incident: number, wish: Wish, by: string) {
    return this.parts.guard.propose(incident, wish, by);
  }
  preview(wish: Wish) {
    return this.parts.guard.preview(wish);
  }
  remediations() {
    return this.parts.guard.remediations();
  }
  async whyNot(remediation: string): Promise<readonly string[]> {
    return this.parts.guard
      .whyNot(remediation)
      .map(({ refused, mend }) => (mend ? `${refused} ${mend}` : refused));
  }
  proposal(id: string): ProposalJson | undefined {
    return this.parts.guard.proposal(id);
  }
  async handsOff(on: boolean, by: string): Promise<void> {
    await this.parts.guard.setHandsOff(on, by);
    this.tellStatus();
  }

  marks(since: number): readonly { at: number; text: string; by: string }[] {
    return this.parts.marks.since(since);
  }

  lastHere(name: string): number | undefined {
    return this.parts.presence.before(name);
  }

  async #mark(text: string, by: string): Promise<void> {
    const at = this.now();
    const short = cut(text, 200);
    await this.parts.marks.add({ at, text: short, by });
    this.parts.watcher.noteChange({ at, what: short });
    await this.parts.threads.note(`mark-${at}`, {
      blocks: [{ kind: 'text', text: say`Mark: ${short} (${by})` }],
    });
  }

  #json(id: number): IncidentJson | undefined {
    const incident = this.parts.book.get(id);
    return incident && incidentJson(incident, this.parts.guard.proposals(id), this.parts.threads);
  }

  async #audit(by: Identity | string, what: string, json: object): Promise<void> {
    const who =
      typeof by === 'string' ? by : `${nameOf(personOf(by, this.config))} (${by.platform}:${by.id})`;
    const entry = { at: this.now(), who, what, json: { ...json } };
    await this.parts.store.db.transaction().execute((tx) => appendAudit(tx, entry));
  }

  #emit(event: DistributiveOmit<DeskEvent, 'id'>): void {
    this.#lastEvent += 1;
    const numbered = { id: this.#lastEvent, ...event } as DeskEvent;
    for (const listener of this.#listeners) {
      try {
        listener(numbered);
      } catch (thrown) {
        this.parts.log.error({ err: thrown }, 'a listener of the desk failed');
      }
    }
  }
}

/** Without what has the form of a secret, and without the secrets that this process knows. */
function typed(text: string): string {
  return withoutHidden(redactText(text));
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
