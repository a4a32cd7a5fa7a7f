import type { WebClient } from '@slack/web-api';
import type { Identity } from '../../people/person.ts';
import { slackError } from './problems.ts';
import { within } from './wait.ts';

/** Who a delivery says it is from, and where. */
export interface Sender {
  readonly user: string;
  readonly name: string;
  /** The sender's own workspace. */
  readonly team: string | undefined;
  readonly channel: string | undefined;
}

interface IdentityOptions {
  readonly client: WebClient;
  readonly channel: string;
  /** Our workspace, once known. */
  readonly team: () => string | undefined;
  readonly now: () => number;
}

const ASK_MS = 2_000;
const KEEP_ACCOUNT_MS = 10_000;
const KEEP_MEMBERS_MS = 60_000;
const MEMBER_PAGES = 20;
const ACCOUNTS_MAX = 500;

type Kind = Identity['kind'];
interface Account {
  readonly kind: Kind;
  readonly display: string;
  readonly at: number;
}

/** Asks Slack who presses. What cannot be asked in two seconds is not vouched for, and may do nothing. */
export class Identities {
  readonly #accounts = new Map<string, Account>();
  readonly #asking = new Map<string, Promise<Account>>();
  #members: { readonly ids: ReadonlySet<string>; readonly at: number } | undefined;
  #askingMembers: Promise<ReadonlySet<string>> | undefined;

  constructor(private readonly options: IdentityOptions) {}

  async of(sender: Sender, timeoutMs = ASK_MS): Promise<Identity> {
    const [account, elsewhere] = await Promise.all([
      this.#account(sender, timeoutMs),
      this.#kindElsewhere(sender, timeoutMs),
    ]);
    const kind = account.kind === 'member' ? elsewhere : account.kind;
    return { platform: 'slack', id: sender.user, display: account.display, kind };
  }

  /** Without asking: for what decides no right. */
  presumed(sender: Sender): Identity {
    const known = this.#accounts.get(sender.user);
    return {
      platform: 'slack',
      id: sender.user,
      display: known?.display ?? sender.name,
      kind: known?.kind ?? 'member',
    };
  }

  async #account(sender: Sender, timeoutMs: number): Promise<Account> {
    const now = this.options.now();
    const unverified = { kind: 'unverified' as const, display: sender.name, at: now };
    const ours = this.options.team();
    if (sender.team !== undefined && ours !== undefined && sender.team !== ours)
      return { ...unverified, kind: 'stranger' };
    const known = this.#accounts.get(sender.user);
    if (known && now - known.at < KEEP_ACCOUNT_MS) return known;
    let asking = this.#asking.get(sender.user);
    if (!asking) {
      asking = this.#ask(sender).finally(() => this.#asking.delete(sender.user));
      this.#asking.set(sender.user, asking);
    }
    return within(asking, timeoutMs, () => unverified);
  }

  async #ask(sender: Sender): Promise<Account> {
    const at = this.options.now();
    try {
      const { user } = await this.options.client.users.info({ user: sender.user });
      if (!user) return { kind: 'unverified', display: sender.name, at };
      const display = user.profile?.display_name || user.real_name || user.name || sender.name;
      const account = { kind: kindOf(user, this.options.team()), display, at };
      this.#accounts.delete(sender.user);
      this.#accounts.set(sender.user, account);
      for (const old of [...this.#accounts.keys()].slice(0, -ACCOUNTS_MAX)) this.#accounts.delete(old);
      return account;
    } catch (thrown) {
      const code = slackError(thrown);
      const unknown = code === 'user_not_found' || code === 'user_not_visible';
      return { kind: unknown ? 'stranger' : 'unverified', display: sender.name, at };
    }
  }

  /** In the launch channel itself membership is given; from elsewhere it is asked. */
  async #kindElsewhere(sender: Sender, timeoutMs: number): Promise<Kind> {
    if (sender.channel === this.options.channel) return 'member';
    try {
      const members = await within(this.#launchMembers(), timeoutMs, () => undefined);
      if (!members) return 'unverified';
      return members.has(sender.user) ? 'member' : 'stranger';
    } catch {
      return 'unverified';
    }
  }

  async #launchMembers(): Promise<ReadonlySet<string>> {
    if (this.#members && this.options.now() - this.#members.at < KEEP_MEMBERS_MS) return this.#members.ids;
    this.#askingMembers ??= this.#readMembers().finally(() => {
      this.#askingMembers = undefined;
    });
    return this.#askingMembers;
  }

  async #readMembers(): Promise<ReadonlySet<string>> {
    const at = this.options.now();
    const ids = new Set<string>();
    let cursor: string | undefined;
    for (let page = 0; page < MEMBER_PAGES; page += 1) {
      const answer = await this.options.client.conversations.members({
        channel: this.options.channel,
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const id of answer.members ?? []) ids.add(id);
      cursor = answer.response_metadata?.next_cursor || undefined;
      if (cursor === undefined) break;
    }
    this.#members = { ids, at };
    return ids;
  }
}

interface SlackAccount {
  readonly id?: string | undefined;
  readonly team_id?: string | undefined;
  readonly deleted?: boolean | undefined;
  readonly is_bot?: boolean | undefined;
  readonly is_stranger?: boolean | undefined;
  readonly is_restricted?: boolean | undefined;
  readonly is_ultra_restricted?: boolean | undefined;
  readonly enterprise_user?: { readonly teams?: readonly string[] | undefined } | undefined;
}

function kindOf(user: SlackAccount, team: string | undefined): Kind {
  if (user.deleted) return 'deleted';
  if (user.is_bot || user.id === 'USLACKBOT') return 'bot';
  // In an organisation one account belongs to several workspaces.
  const elsewhere =
    team !== undefined &&
    user.team_id !== undefined &&
    user.team_id !== team &&
    !(user.enterprise_user?.teams ?? []).includes(team);
  if (user.is_stranger || elsewhere) return 'stranger';
  if (user.is_restricted || user.is_ultra_restricted) return 'guest';
  return 'member';
}
