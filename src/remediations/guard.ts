import type { Transaction } from 'kysely';
import type { Wish } from '../diagnosis/contract.ts';
import { reason } from '../errors/catalogue.ts';
import type { Identity } from '../people/person.ts';
import { appendAudit } from '../store/audit.ts';
import type { Database } from '../store/schema.ts';
import { revert } from './apply.ts';
import type { PressResult, ProposalJson, Refusal, Risk } from './contract.ts';
import { KeptFixes } from './kept-fixes.ts';
import { Fenced, Ledger, readIncident } from './ledger.ts';
import type { GuardOptions, Parts } from './parts.ts';
import { approverRules, generalRules, type HandsOff, minutes, runRules } from './policy.ts';
import { type Button, type Pressed, press, unwritten } from './press.ts';
import { makePlan, propose } from './propose.ts';
import { PLANNED, type Proposal, toJson } from './record.ts';
import { isRefusal } from './refusal.ts';
import { Run } from './run.ts';
import { ACTIVE } from './states.ts';
import { openRows } from './verdict.ts';

const SWEEP_MS = 1_000;
const AGAIN_MS = 5_000;
const HANDS_OFF = 'hands-off';

/**
 * The one pipeline by which anything is changed: plan -> policy -> approval -> lock -> precheck again -> apply step
 * by step -> settle -> verify -> keep, or take back.
 */
export class Guard {
  readonly #parts: Parts;
  readonly #runs = new Map<string, Run>();
  readonly #working = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #queues = new Map<number, Promise<unknown>>();
  readonly #kept: KeptFixes | undefined;
  #handsOff: HandsOff | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GuardOptions) {
    const ledger = new Ledger(options.store, options.onChange);
    this.#parts = { ...options, ledger, handsOff: () => this.#handsOff };
    this.#kept = options.health && new KeptFixes(this.#parts, options.health);
  }

  /** Reads the store, without going on with anything: enough to show. */
  async load(): Promise<void> {
    const row = await this.#parts.store.db
      .selectFrom('flags')
      .select('json')
      .where('key', '=', HANDS_OFF)
      .executeTakeFirst();
    this.#handsOff = row ? (JSON.parse(row.json) as HandsOff | null) : null;
    await this.#parts.ledger.load();
  }

  /** Loads, and goes on with what an earlier process left; runs go on in the background. */
  async start(): Promise<void> {
    await this.load();
    for (const { record, state } of this.#parts.ledger.all())
      if (ACTIVE.includes(state)) this.#run(record.id, true, (run) => run.go());
    await this.sweep();
    this.#timer = setInterval(() => void this.sweep().catch(this.#failed('a sweep')), SWEEP_MS);
    this.#timer.unref();
    this.#kept?.start();
  }

  /** Ends without ending anything: what is under way is found again at the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort(new Error('Warroom is stopping'));
    await this.#kept?.stop();
    await this.idle();
  }

  /** Looks at once whether what was kept is in force; it is done each minute anyway. */
  async lookAtKept(): Promise<void> {
    await this.#kept?.look();
  }

  /** Resolves when no run is under way. */
  async idle(): Promise<void> {
    while (this.#working.size > 0) await Promise.allSettled([...this.#working]);
  }

  async propose(incident: number, wish: Wish, asker?: string): Promise<ProposalJson | Refusal> {
    // One at a time an incident: the letter must be free when the plan is stored.
    const before = this.#queues.get(incident) ?? Promise.resolve();
    const made = before.then(() => propose(this.#parts, incident, wish, asker));
    this.#queues.set(
      incident,
      made.catch(() => undefined),
    );
    const result = await made;
    return isRefusal(result) ? result : this.#view(result);
  }

  /** The plan of a wish, and nothing stored. */
  async preview(wish: Wish): Promise<ProposalJson | Refusal> {
    if (wish.withheld !== undefined) return { refused: `Withheld: ${wish.withheld}` };
    const made = await makePlan(this.#parts, wish, '0-A');
    if (isRefusal(made)) return made;
    const now = this.#parts.now();
    const record = {
      ...{
        id: '0-A',
        incident: 0,
        remediation: made.remediation.id,
        params: made.params,
        same: '',
        askers: [],
      },
      ...{ plan: made.plan, planHash: made.planHash, createdAt: now, outcome: null },
      ...{ expiresAt: now + this.#parts.config().policy.expire, approvedAt: null, startedAt: null },
      ...{ endedAt: null, decideBy: null, steps: made.plan.steps.map(() => PLANNED) },
      verify: openRows(made.plan.verify),
    };
    return this.#view({ record, state: 'pending', fence: 0, approvals: [] });
  }

  /** The rules that keep a remediation from being carried out now; empty when none does. */
  whyNot(id: string): Refusal[] {
    const remediation = this.#parts.remediations.find((one) => one.id === id);
    if (!remediation) return [{ refused: `There is no remediation ${id}.` }];
    const { stack, targets, ledger } = this.#parts;
    const input = {
      ...{ remediation, config: this.#parts.config(), handsOff: this.#handsOff },
      ...{ proposals: ledger.all(), now: this.#parts.now() },
    };
    const proxies = [...stack.of('varnish'), ...stack.of('haproxy')].flatMap((service) => service.config.on);
    const closed = [...new Set(proxies)].filter((host) => targets.acting(host) === undefined);
    return [
      ...generalRules(input),
      ...approverRules(input),
      ...(closed.length > 0 && closed.length === new Set(proxies).size
        ? [
            {
              refused: `There is no acting account for ${closed.join(', ')}.`,
              mend: 'Add act: { user, key } to the config.',
            },
          ]
        : []),
      ...runRules(input, undefined, undefined),
    ];
  }

  remediations(): { readonly id: string; readonly summary: string; readonly risk: Risk }[] {
    return this.#parts.remediations.map(({ id, summary, risk }) => ({ id, summary, risk }));
  }

  approve(id: string, planHash: string, identity: Identity): Promise<PressResult> {
    return this.#press('approve', id, planHash, identity);
  }

  refuse(id: string, planHash: string, identity: Identity): Promise<PressResult> {
    return this.#press('refuse', id, planHash, identity);
  }

  handsOff(): HandsOff | null {
    return this.#handsOff;
  }

  async setHandsOff(on: boolean, by: string): Promise<void> {
    const at = this.#parts.now();
    const flag = on ? { since: at, by } : null;
    await this.#parts.ledger.write([], async (tx) => {
      const row = { key: HANDS_OFF, json: JSON.stringify(flag) };
      await tx
        .insertInto('flags')
        .values(row)
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ json: row.json }))
        .execute();
      await appendAudit(tx, { at, who: by, what: `hands-off ${on ? 'on' : 'off'}`, json: null });
    });
    this.#handsOff = flag;
    if (!on) this.#pump();
  }

  /** From memory, as last committed; oldest first. */
  proposals(incident: number): ProposalJson[] {
    return this.#parts.ledger
      .all()
      .filter((one) => one.record.incident === incident)
      .map((one) => this.#view(one));
  }

  proposal(id: string): ProposalJson | undefined {
    const found = this.#parts.ledger.get(id);
    return found && this.#view(found);
  }

  /** As the transaction sees them: what `publish` shows. */
  async read(incident: number, tx: Transaction<Database>): Promise<ProposalJson[]> {
    return (await readIncident(tx, incident)).map((one) => this.#view(one));
  }

  /** What time alone changes: proposals that expire, decisions that nobody took, approved ones whose turn has come. */
  async sweep(): Promise<void> {
    const now = this.#parts.now();
    for (const { record, state } of this.#parts.ledger.all()) {
      if (state === 'pending' && now > record.expiresAt)
        await this.#expire(record.id, 'pending', 'Nobody approved it in time.');
      if (state === 'approved' && !this.#runs.has(record.id) && now > this.#staleAt(record))
        await this.#expire(record.id, 'approved', 'It waited too long after its approval.');
      if (
        state === 'needs-human' &&
        record.decideBy !== null &&
        now > record.decideBy &&
        !this.#runs.has(record.id)
      )
        this.#run(record.id, false, (run) =>
          run.takeBack(revert('It could not be told whether it helped, and nobody decided in time.')),
        );
    }
    this.#pump();
  }

  async #press(button: Button, id: string, planHash: string, identity: Identity): Promise<PressResult> {
    let pressed: Pressed;
    try {
      pressed = await press(this.#parts, button, id, planHash, identity);
    } catch (thrown) {
      const refused = unwritten(button, id, this.#parts.store.path, thrown);
      if (!refused) throw thrown;
      this.#failed(`${button} ${id}`)(thrown);
      return refused;
    }
    if (pressed.next !== undefined) await this.#parts.at?.(`pressed:${pressed.next}`);
    if (pressed.next === 'take-back')
      this.#run(id, false, (run) =>
        run.takeBack(revert('It could not be told whether it helped, and a person took it back.')),
      );
    // A kept or refused one may have been what another waits for.
    this.#pump();
    return pressed.result((one) => this.proposal(one));
  }

  /** Starts what is approved and whose part of the stack is free, oldest approval first. */
  #pump(): void {
    if (this.#stopping.signal.aborted || this.#handsOff) return;
    const waiting = this.#parts.ledger
      .all()
      .filter((one) => one.state === 'approved' && !this.#runs.has(one.record.id))
      .sort((a, b) => (a.record.approvedAt ?? 0) - (b.record.approvedAt ?? 0));
    for (const one of waiting) if (!this.#blocker(one)) this.#run(one.record.id, false, (run) => run.go());
  }

  /** What holds the lock of the same connected part of the stack. */
  #blocker(one: Proposal): Proposal | undefined {
    const part = this.#parts.stack.connected(one.record.plan.target);
    return this.#parts.ledger
      .all()
      .find(
        (other) =>
          other.record.id !== one.record.id &&
          part.has(other.record.plan.target) &&
          (this.#runs.has(other.record.id) ||
            ACTIVE.includes(other.state) ||
            (other.state === 'needs-human' && other.record.decideBy !== null)),
      );
  }

  #run(id: string, resumed: boolean, work: (run: Run) => Promise<void>): void {
    if (this.#runs.has(id)) return;
    const run = new Run(this.#parts, id, this.#stopping.signal, resumed);
    this.#runs.set(id, run);
    const working = work(run)
      .catch((thrown: unknown) => this.#interrupted(id, thrown))
      .finally(() => {
        this.#runs.delete(id);
        this.#working.delete(working);
        this.#pump();
      });
    this.#working.add(working);
  }

  /** A run that broke off (the store refused a write) is gone on with like one after a restart: by looking. */
  #interrupted(id: string, thrown: unknown): void {
    if (this.#stopping.signal.aborted) return;
    if (thrown instanceof Fenced) {
      this.#parts.log.warn({ proposal: id }, 'another run goes on with this proposal');
      return;
    }
    this.#failed(`the run of ${id}`)(thrown);
    const again = setTimeout(() => {
      const state = this.#parts.ledger.get(id)?.state;
      if (!this.#stopping.signal.aborted && state && ACTIVE.includes(state))
        this.#run(id, true, (run) => run.go());
    }, AGAIN_MS);
    again.unref();
  }

  #failed(doing: string) {
    return (thrown: unknown) =>
      this.#parts.log.error({ err: thrown, doing, problem: reason(thrown) }, 'the guard failed');
  }

  /** "Go on if unexpired": an approval is good for as long as a proposal is. */
  #staleAt(record: Proposal['record']): number {
    return Math.max(record.expiresAt, (record.approvedAt ?? 0) + this.#parts.config().policy.expire);
  }

  async #expire(id: string, from: 'pending' | 'approved', outcome: string): Promise<void> {
    const at = this.#parts.now();
    await this.#parts.ledger.write([id], async (tx) => {
      if (!(await this.#parts.ledger.move(tx, id, from, 'expired', { endedAt: at, outcome }))) return;
      await appendAudit(tx, { at, who: 'warroom', what: 'expired', json: { proposal: id } });
      const incident = this.#parts.ledger.get(id)?.record.incident ?? 0;
      await this.#parts.publish(tx, { incident, at, what: `${id} expired`, reply: from === 'approved' });
    });
  }

  #view(one: Proposal): ProposalJson {
    return toJson(one, this.#parts.stepTypes, this.#parts.config(), this.#waits(one));
  }

  #waits(one: Proposal): string | null {
    const now = this.#parts.now();
    if (one.state === 'needs-human' && one.record.decideBy !== null)
      return `waits for a person, ${minutes(one.record.decideBy - now)} left: approve keeps it, refuse takes it back`;
    if (one.state !== 'approved') return null;
    if (this.#handsOff) return `waits until hands-off is switched off (${this.#handsOff.by} switched it on)`;
    const blocker = this.#blocker(one);
    if (!blocker) return null;
    if (blocker.state === 'needs-human') return `waits for a person to decide ${blocker.record.id}`;
    const judgeAt = this.#runs.get(blocker.record.id)?.judgeAt;
    const left = judgeAt === undefined || judgeAt < now ? '' : `, ${minutes(judgeAt - now)} left`;
    return `waits for ${blocker.record.id} to be judged${left}`;
  }
}
