import type { WebClient } from '@slack/web-api';
import type { Config } from '../../config/schema.ts';
import type { ReportHealth } from '../chat/contract.ts';
import { problemOf, slackError } from './problems.ts';
import { within } from './wait.ts';

/** Whom a message names, as Slack knows them; `unknown` is shown as plain text. */
export type Mention =
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'group'; readonly id: string }
  | { readonly kind: 'unknown'; readonly name: string };

const USER = /^[UW][A-Z0-9]{2,20}$/;
const GROUP = /^S[A-Z0-9]{2,20}$/;
const KEEP_MS = 10 * 60_000;
const KEEP_FAILED_MS = 60_000;
const ASK_MS = 2_000;

/** Turns names of the config into mentions. Nothing else in this program makes one. */
export class Mentions {
  #groups: ReadonlyMap<string, string> = new Map();
  #askedAgainAt = 0;
  #problem: { readonly what: string; readonly mend: string } | undefined;

  constructor(
    private readonly options: {
      readonly client: WebClient;
      readonly config: () => Config;
      readonly health: ReportHealth;
      readonly now: () => number;
    },
  ) {}

  async resolve(names: readonly string[]): Promise<Mention[]> {
    if (names.length === 0) return [];
    if (names.some((name) => name.startsWith('@'))) await this.#askGroups();
    const mentions = [...new Set(names)].map((name) => this.#one(name));
    const unknown = mentions.flatMap((one) => (one.kind === 'unknown' ? [one.name] : []));
    if (unknown.length === 0) this.options.health('ok', 'everybody that the config names can be mentioned');
    else this.#report(unknown);
    return mentions;
  }

  #one(name: string): Mention {
    if (name.startsWith('@')) {
      const id = this.#groups.get(name.slice(1).toLowerCase());
      return id === undefined ? { kind: 'unknown', name } : { kind: 'group', id };
    }
    const people = this.options.config().people;
    const id = Object.hasOwn(people, name) ? people[name]?.slack : undefined;
    return id !== undefined && USER.test(id) ? { kind: 'user', id } : { kind: 'unknown', name };
  }

  #report(unknown: readonly string[]): void {
    const [first = ''] = unknown;
    const what = `${unknown.join(', ')} cannot be mentioned in Slack`;
    if (!first.startsWith('@'))
      this.options.health(
        'degraded',
        what,
        `Give the Slack user id (profile, ⋮, "Copy member ID"):  people: { ${first}: { slack: U0123456 } }`,
      );
    else if (this.#problem)
      this.options.health('degraded', `${what}: ${this.#problem.what}`, this.#problem.mend);
    else
      this.options.health(
        'degraded',
        `${what}: there is no user group ${first}`,
        `Make the user group ${first} in Slack, or name a person of the config in escalate.mention.`,
      );
  }

  async #askGroups(): Promise<void> {
    const now = this.options.now();
    if (now < this.#askedAgainAt) return;
    this.#askedAgainAt = now + KEEP_FAILED_MS;
    try {
      // A post must not wait for what only adorns it.
      const answer = await within(this.options.client.usergroups.list(), ASK_MS, () => undefined);
      if (!answer) {
        this.#problem = { what: 'Slack did not answer in 2 s', mend: 'Nothing to do: it is asked again.' };
        return;
      }
      this.#problem = undefined;
      this.#groups = new Map(
        (answer.usergroups ?? []).flatMap(({ handle, id }) =>
          handle !== undefined && id !== undefined && GROUP.test(id) ? [[handle.toLowerCase(), id]] : [],
        ),
      );
      this.#askedAgainAt = now + KEEP_MS;
    } catch (thrown) {
      const problem = problemOf(thrown, 'look');
      this.#problem = {
        what: problem.message,
        mend:
          slackError(thrown) === 'plan_upgrade_required'
            ? 'User groups need a paid plan: name people of the config in escalate.mention.'
            : (problem.mend ?? 'Nothing to do: it is asked again.'),
      };
    }
  }
}
