import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import type { Secret } from '../config/secret.ts';
import { reason } from '../errors/catalogue.ts';
import type { HealthBoard } from '../health/health.ts';
import type { Publish } from '../remediations/contract.ts';
import type { Store } from '../store/store.ts';
import { transact } from '../store/transact.ts';
import type { IncidentJson } from './contract.ts';
import { dueEscalations, type Escalated } from './escalation.ts';

export interface EscalatorOptions {
  readonly store: Store;
  readonly config: () => Config;
  readonly incidents: () => readonly IncidentJson[];
  readonly publish: Publish;
  readonly webhook: (step: number) => Secret;
  readonly health: HealthBoard;
  readonly log: Logger;
  readonly now: () => number;
  readonly fetch?: typeof fetch;
}

const FLAG = 'escalated';
const MOST_KEYS = 2_000;
const CALL_MS = 5_000;
const TRIES = 5;
const FIRST_RETRY_MS = 1_000;

/** Tells whom the config names of what nobody answered: once, also across restarts. */
export class Escalator {
  #told = new Set<string>();
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(private readonly options: EscalatorOptions) {}

  async load(): Promise<void> {
    const row = await this.options.store.db
      .selectFrom('flags')
      .select('json')
      .where('key', '=', FLAG)
      .executeTakeFirst();
    this.#told = new Set(row ? (JSON.parse(row.json) as string[]) : []);
  }

  /** Looks what is due; one look at a time. */
  tick(): void {
    if (this.#running || this.#stopping.signal.aborted) return;
    this.#running = this.#look()
      .catch((thrown: unknown) => this.options.log.error({ err: thrown }, 'an escalation was not written'))
      .finally(() => {
        this.#running = undefined;
      });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #look(): Promise<void> {
    const { incidents, config, now } = this.options;
    for (const due of dueEscalations(incidents(), config(), now(), this.#told)) {
      await this.#write(due);
      if (due.webhook !== undefined) void this.#call(due, due.webhook);
    }
  }

  /** What was told is stored with the reply itself: a crash neither loses nor repeats it. */
  async #write(due: Escalated): Promise<void> {
    const told = [...this.#told, due.key].slice(-MOST_KEYS);
    const json = JSON.stringify(told);
    await transact(this.options.store.db, async (tx) => {
      await tx
        .insertInto('flags')
        .values({ key: FLAG, json })
        .onConflict((on) => on.column('key').doUpdateSet({ json }))
        .execute();
      await this.options.publish(tx, {
        incident: due.incident,
        at: this.options.now(),
        what: due.what,
        reply: true,
        ...(due.mention === undefined ? {} : { mentions: [due.mention] }),
      });
    });
    this.#told = new Set(told);
  }

  async #call(due: Escalated, step: number): Promise<void> {
    const { health, log, now } = this.options;
    const part = `chat:webhook/${step + 1}`;
    const ask = this.options.fetch ?? fetch;
    for (let tries = 1; ; tries++) {
      try {
        const answer = await ask(this.options.webhook(step).reveal(), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            source: 'warroom',
            key: due.key,
            incident: due.incident,
            text: due.what,
            at: now(),
          }),
          signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(CALL_MS)]),
          redirect: 'error',
        });
        if (!answer.ok) throw new Error(`it answered ${answer.status}`);
        health.report({ part, state: 'ok', what: 'takes calls' });
        return;
      } catch (thrown) {
        if (this.#stopping.signal.aborted) return;
        if (tries >= TRIES) {
          // The address may hold a token: it is named by its place in the config.
          log.error({ step, problem: reason(thrown) }, 'a webhook of escalate could not be called');
          health.report({
            part,
            state: 'down',
            what: `escalate[${step}].webhook cannot be called: ${reason(thrown)}`,
            mend: `See that the address of escalate[${step}].webhook is right and that it can be reached from here.`,
          });
          return;
        }
        await pause(FIRST_RETRY_MS * 2 ** (tries - 1) * (0.5 + Math.random() / 2), this.#stopping.signal);
      }
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
