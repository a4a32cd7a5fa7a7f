import type { HealthBoard } from '../health/health.ts';
import type { Step } from './contract.ts';
import { within } from './deadline.ts';
import type { Parts } from './parts.ts';
import type { Proposal } from './record.ts';

const EVERY_MS = 60_000;
const LOOK_MS = 8_000;
/** The newest kept ones that are looked at in one round. */
const MOST = 20;

type Needed = Pick<Parts, 'ledger' | 'stepTypes' | 'targets' | 'stack' | 'log'>;

/**
 * What was kept and lives only at run time, looked for each minute: a restart of its server loses it without a word.
 * Reported as `fixes:ID`. What was taken back or given back is not looked for.
 */
export class KeptFixes {
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  readonly #told = new Set<string>();

  constructor(
    private readonly parts: Needed,
    private readonly health: HealthBoard,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.look(), EVERY_MS);
    this.#timer.unref();
    void this.look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort(new Error('Warroom is stopping'));
    await this.#looking;
  }

  /** One round; never throws, and never two at once. */
  look(): Promise<void> {
    this.#looking ??= this.#round().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #round(): Promise<void> {
    const kept = keptOf(this.parts.ledger.all(), (step) => this.#type(step)?.inForce !== undefined);
    const named = new Set(kept.map(({ record }) => record.id));
    for (const id of this.#told)
      if (!named.has(id)) {
        this.health.forget(`fixes:${id}`);
        this.#told.delete(id);
      }
    for (const one of kept) {
      if (this.#stopping.signal.aborted) return;
      await this.#lookAt(one);
    }
  }

  async #lookAt({ record }: Proposal): Promise<void> {
    const lost: string[] = [];
    for (const step of record.plan.steps) {
      const type = this.#type(step);
      if (!type?.inForce) continue;
      try {
        const found = await within(this.#stopping.signal, LOOK_MS, `a look at ${record.id}`, async (signal) =>
          type.inForce?.(type.args.parse(step.args), {
            targets: this.parts.targets,
            stack: this.parts.stack,
            host: step.target,
            signal,
          }),
        );
        if (found === 'absent') lost.push(step.target);
        // What cannot be told changes nothing of what was told before.
        else if (found !== 'present') return;
      } catch (thrown) {
        if (!this.#stopping.signal.aborted)
          this.parts.log.info({ err: thrown, proposal: record.id }, 'a kept fix could not be looked at');
        return;
      }
    }
    this.#told.add(record.id);
    this.health.report({
      part: `fixes:${record.id}`,
      ...(lost.length === 0
        ? { state: 'ok', what: 'in force' }
        : {
            state: 'down',
            what: `${record.id} (${record.plan.title}) is not in force any more on ${[...new Set(lost)].join(', ')}: it lived at run time alone, and a restart or another change took it away`,
            mend: mendOf(record),
          }),
    });
  }

  /** Undefined for a step of an older Warroom: what it did cannot be looked for. */
  #type(step: Step) {
    return this.parts.stepTypes.find((one) => one.type === step.type && one.version === step.version);
  }
}

/** Kept, not given back since, and made of something that can be lost; newest first. */
function keptOf(all: readonly Proposal[], canBeLost: (step: Step) => boolean): Proposal[] {
  const kept = all.filter((one) => one.state === 'kept');
  return kept
    .filter((one) => one.record.plan.steps.some(canBeLost))
    .filter((one) => !kept.some((later) => givesBack(later, one)))
    .sort((a, b) => endOf(b) - endOf(a))
    .slice(0, MOST);
}

/** Whether what one added, a later one took out of the same pool. */
function givesBack(later: Proposal, one: Proposal): boolean {
  if (endOf(later) < endOf(one) || later.record.id === one.record.id) return false;
  const place = ({ args }: Step) =>
    `${args['service']} ${args['backend']} ${args['address']}:${args['port']}`;
  const added = one.record.plan.steps.filter((step) => step.type === 'haproxy.add-server').map(place);
  return later.record.plan.steps.some(
    (step) => step.type === 'haproxy.remove' && added.includes(place(step)),
  );
}

function endOf({ record }: Proposal): number {
  return record.endedAt ?? record.createdAt;
}

/** The command first, then the lines that a file should hold. */
function mendOf({ remediation, params, plan }: Proposal['record']): string {
  const words = Object.entries(params)
    // What our own plan added beside what was asked for.
    .filter(([name]) => name !== 'share' && name !== 'paths')
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) || isWords(value))
    .map(([name, value]) => `${name}=${String(value)}`);
  const command = `/launch fix ${remediation} ${words.join(' ')}`.trim();
  return plan.patch ? `${command}\nFor good, in ${plan.patch.file}:\n${plan.patch.text}` : command;
}

function isWords(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
