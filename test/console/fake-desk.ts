import type {
  Desk,
  DeskEvent,
  IncidentJson,
  NoteJson,
  PressResult,
  ProposalJson,
} from '../../src/bot/contract.ts';
import type { Config } from '../../src/config/schema.ts';
import { own, paragraph, say } from '../../src/message/build.ts';
import type { Message } from '../../src/message/contract.ts';
import { decide, type Identity, nameOf, personOf } from '../../src/people/person.ts';
import { head, hello, incident, mark, NOW, resolvedBefore, setUpCard, status, wave } from './story.ts';

type WithoutId<E> = E extends { id: number } ? Omit<E, 'id'> : never;
const COMMANDS = [
  'ack',
  'approve',
  'fix',
  'hands-off',
  'help',
  'host',
  'incidents',
  'mark',
  'refuse',
  'silence',
  'status',
  'varnish',
  'whoami',
  'why',
  'why-not',
];

/** A Desk without a bot behind it: it tells the story of incident #12 as far as a test has taken it. */
export class FakeDesk implements Desk {
  readonly presses: { readonly what: string; readonly by: string; readonly allowed: boolean }[] = [];
  readonly typed: string[] = [];
  #incidents = new Map<string, IncidentJson>();
  #notes: NoteJson[] = [hello, setUpCard, mark];
  #listeners = new Set<(event: DeskEvent) => void>();
  #id = 0;
  #hot = false;

  constructor(
    private readonly config: () => Config,
    private readonly clock: () => number,
  ) {
    this.#incidents.set('11', resolvedBefore());
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  status() {
    return { ...status(this.#hot, this.clock()), incidents: this.incidents().map((one) => summary(one)) };
  }
  incidents(state?: string): IncidentJson[] {
    const all = [...this.#incidents.values()].sort((a, b) => b.since - a.since);
    if (state === undefined) return all;
    return all.filter((one) => (state === 'open' ? one.resolvedAt === null : one.state === state));
  }
  incident(id: string) {
    return this.#incidents.get(id);
  }
  notes() {
    return this.#notes;
  }
  whoIs(identity: Identity) {
    const person = personOf(identity, this.config());
    return { name: nameOf(person), rights: person.rights };
  }
  findings() {
    return [];
  }
  readings({ metric, target }: { metric: string; target: string }) {
    return wave(metric, target, 'count', {
      calm: 2.1,
      hot: this.#hot ? 6 : 2.1,
      limit: 4.8,
      changes: [{ at: NOW - 235_000, what: 'mark: v2 out' }],
    });
  }
  subscribe(listener: (event: DeskEvent) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  complete(text: string) {
    const words = text.split(/\s+/);
    const last = words.at(-1) ?? '';
    const choices = words.length <= 1 ? COMMANDS : ['12', 'app', 'edge', 'web1'];
    return choices.filter((choice) => choice.startsWith(last)).slice(0, 25);
  }

  async launch(text: string, identity: Identity): Promise<Message> {
    this.typed.push(text);
    const [command = '', id = ''] = text.trim().split(/\s+/);
    if (command === 'status') return this.status().message;
    if (command === 'whoami') return { blocks: [paragraph(say`You are ${this.whoIs(identity).name}.`)] };
    if (command === 'ack') {
      const owner = this.whoIs(identity).name;
      this.change(id, (one) => ({
        ...one,
        owner,
        state: 'acknowledged',
        messages: one.messages.map((post) =>
          post.role === 'head' ? { ...post, message: head(true, owner) } : post,
        ),
        timeline: [...one.timeline, { at: this.clock(), what: 'acknowledged', by: owner }],
      }));
      return { blocks: [paragraph(say`You have ${own(`#${id}`)}.`)] };
    }
    return { blocks: [paragraph(say`There is no command "${command}". Did you mean status?`)] };
  }

  async approve(id: string, planHash: string, identity: Identity): Promise<PressResult> {
    return this.#press('approve', id, planHash, identity, (proposal, by) => ({
      ...proposal,
      state: 'approved',
      approvals: [...proposal.approvals, { by, at: this.clock() }],
    }));
  }
  async refuse(id: string, planHash: string, identity: Identity): Promise<PressResult> {
    return this.#press('refuse', id, planHash, identity, (proposal, by) => ({
      ...proposal,
      state: 'refused',
      outcome: `refused by ${by}`,
    }));
  }
  async mark(text: string, identity: Identity): Promise<PressResult> {
    const decision = decide(identity, 'operate', this.config());
    if (!decision.allowed) return denied('mark', decision.reason, decision.mend);
    const message = { blocks: [paragraph(say`Marked: ${text}`)] };
    this.post({ id: `n${this.#notes.length + 1}`, at: this.clock(), editedAt: null, message });
    return { ok: true, message };
  }

  /** The story: the incident opens. */
  open(): void {
    this.#hot = true;
    this.#incidents.set('12', incident());
    this.emit({ type: 'incident', incident: incident() });
    this.tick();
  }
  /** A step of the plan is carried out. */
  step(proposalId: string, index: number, state: 'applying' | 'applied'): void {
    this.propose(proposalId, (one) => ({
      ...one,
      state: 'running',
      steps: one.steps.map((step) =>
        step.index === index
          ? { ...step, state, at: this.clock(), ms: state === 'applied' ? 180 + index * 40 : null }
          : step,
      ),
    }));
  }
  settle(proposalId: string): void {
    this.propose(proposalId, (one) => ({ ...one, state: 'settling', waits: 'settling, 40 s left' }));
  }
  keep(proposalId: string): void {
    this.propose(proposalId, (one) => ({
      ...one,
      state: 'kept',
      waits: null,
      outcome: 'better: busy workers 6 -> 2.4, p95 2.9 s -> 210 ms.',
      verify: one.verify.map((goal) => ({
        ...goal,
        after: goal.name === 'p95' ? 0.21 : 2.4,
        verdict: 'better',
      })),
      patch: {
        file: '/etc/varnish/default.vcl',
        text: 'sub vcl_recv {\n  if (req.url ~ "^/legacy/") { unset req.http.Cookie; return (hash); }\n}',
      },
    }));
  }
  resolve(): void {
    this.#hot = false;
    this.change('12', (one) => ({
      ...one,
      state: 'resolved',
      resolvedAt: this.clock(),
      waiting: [],
      proposals: one.proposals.map((p) =>
        p.state === 'pending' ? { ...p, state: 'void', outcome: 'no longer needed' } : p,
      ),
      messages: one.messages.map((post) =>
        post.role === 'head' ? { ...post, editedAt: this.clock(), message: head(false, null) } : post,
      ),
      timeline: [
        ...one.timeline,
        { at: this.clock(), what: 'resolved by itself: figures are back under their limits' },
      ],
    }));
    this.tick();
  }

  /** A round of the watch: everybody hears the figures of this moment. */
  tick(): void {
    this.emit({ type: 'status', status: this.status() });
  }
  post(note: NoteJson): void {
    this.#notes = [...this.#notes.filter((one) => one.id !== note.id), note];
    this.emit({ type: 'note', note });
  }
  /** Changes an incident without anybody being told: what a page misses while its connection is down. */
  quietly(id: string, change: (incident: IncidentJson) => IncidentJson): void {
    const before = this.#incidents.get(id);
    if (before) this.#incidents.set(id, change(before));
  }
  change(id: string, change: (incident: IncidentJson) => IncidentJson): void {
    this.quietly(id, change);
    const after = this.#incidents.get(id);
    if (after) this.emit({ type: 'incident', incident: after });
  }
  propose(id: string, change: (proposal: ProposalJson) => ProposalJson): void {
    this.change(incidentOf(id), (one) => {
      const proposals = one.proposals.map((proposal) => (proposal.id === id ? change(proposal) : proposal));
      const waiting = proposals
        .filter((proposal) => proposal.state === 'pending')
        .map((proposal) => proposal.id);
      return { ...one, proposals, waiting };
    });
  }
  emit(event: WithoutId<DeskEvent>): void {
    this.#id += 1;
    for (const listener of this.#listeners) listener({ ...event, id: this.#id });
  }

  #press(
    what: string,
    id: string,
    planHash: string,
    identity: Identity,
    change: (proposal: ProposalJson, by: string) => ProposalJson,
  ): PressResult {
    const proposal = this.#incidents.get(incidentOf(id))?.proposals.find((one) => one.id === id);
    const decision = decide(identity, 'approve', this.config(), proposal?.askers ?? []);
    const by = nameOf(decision.person);
    this.presses.push({ what: `${what} ${id}`, by, allowed: decision.allowed });
    if (!decision.allowed) return denied(`${what} ${id}`, decision.reason, decision.mend);
    if (!proposal) return problem(404, `There is no proposal ${id}.`);
    if (proposal.planHash !== planHash) return problem(409, `The plan of ${id} changed since you saw it.`);
    if (proposal.state !== 'pending')
      return problem(409, `${id} is ${proposal.state}, so this changed nothing.`);
    this.propose(id, (one) => change(one, by));
    this.change(incidentOf(id), (one) => ({
      ...one,
      state: 'mitigating',
      timeline: [...one.timeline, { at: this.clock(), what: `${what} of ${id}`, by }],
    }));
    const after = this.#incidents.get(incidentOf(id))?.proposals.find((one) => one.id === id) ?? proposal;
    return {
      ok: true,
      proposal: after,
      message: { blocks: [paragraph(say`${own(`${id}: ${after.state}`)} by ${by}.`)] },
    };
  }
}

function incidentOf(proposalId: string): string {
  return proposalId.split('-')[0] ?? '';
}

function summary(one: IncidentJson) {
  const { id, state, level, title, since, resolvedAt, owner, cause, confidence, waiting } = one;
  return { id, state, level, title, since, resolvedAt, owner, cause, confidence, waiting };
}

function denied(what: string, reason: string, mend: string): PressResult {
  return {
    ok: false,
    status: 403,
    reason,
    message: { blocks: [paragraph(say`You may not ${own(what)}: ${own(reason)}.`), paragraph(say`${mend}`)] },
  };
}

function problem(status: 404 | 409, text: string): PressResult {
  return { ok: false, status, reason: text, message: { blocks: [paragraph(say`${text}`)] } };
}
