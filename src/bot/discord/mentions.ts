import { type APIAllowedMentions, type APIRole, Routes } from 'discord.js';
import type { Config } from '../../config/schema.ts';
import type { Message } from '../../message/contract.ts';
import type { ReportHealth } from '../chat/contract.ts';
import { escaped } from './markdown.ts';
import type { DiscordRest } from './rest.ts';

export interface Mentioned {
  readonly content: string;
  readonly allowed: APIAllowedMentions;
}

export const NOBODY: APIAllowedMentions = { parse: [] };
const ROLES_MS = 10 * 60_000;
const MOST = 20;

/** Who is mentioned, as Discord writes it: exactly those, by id. Names that lead to nobody stay text, and are said. */
export class Mentions {
  #roles: { readonly at: number; readonly list: readonly APIRole[] } | undefined;

  constructor(
    private readonly rest: DiscordRest,
    private readonly guild: string,
    private readonly config: () => Config,
    private readonly health: ReportHealth,
    private readonly now: () => number,
  ) {}

  async of(message: Message): Promise<Mentioned> {
    const names = [...new Set(message.mentions ?? [])].slice(0, MOST);
    if (names.length === 0) return { content: '', allowed: NOBODY };
    const words: string[] = [];
    const users = new Set<string>();
    const roles = new Set<string>();
    const problems: { what: string; mend: string }[] = [];
    for (const name of names) {
      const found = name.startsWith('@') ? await this.#role(name.slice(1)) : this.#person(name);
      if (found.id !== undefined) {
        (found.kind === 'role' ? roles : users).add(found.id);
        words.push(found.kind === 'role' ? `<@&${found.id}>` : `<@${found.id}>`);
      } else words.push(escaped(name.slice(0, 80)));
      if (found.problem) problems.push(found.problem);
    }
    const [first] = problems;
    if (first) this.health('degraded', first.what, first.mend);
    else this.health('ok', 'everybody named can be mentioned');
    return { content: words.join(' '), allowed: { parse: [], users: [...users], roles: [...roles] } };
  }

  #person(name: string): Found {
    const id = this.config().people[name]?.discord;
    if (id !== undefined && /^\d{1,20}$/.test(id)) return { kind: 'user', id };
    const problem = {
      what: `${name} cannot be mentioned on Discord: no id is known`,
      mend: `people: { ${name}: { discord: "USER_ID" } } (right click on the person, Copy User ID).`,
    };
    return { kind: 'user', problem };
  }

  async #role(name: string): Promise<Found> {
    const role = (await this.#list()).find((one) => one.name === name && one.id !== this.guild);
    if (role?.mentionable) return { kind: 'role', id: role.id };
    if (role) {
      const problem = {
        what: `@${name} is shown but calls nobody: the role may not be mentioned`,
        mend: `Server Settings, Roles, ${name}: switch on "Allow anyone to @mention this role".`,
      };
      return { kind: 'role', id: role.id, problem };
    }
    const problem = {
      what: `@${name} cannot be mentioned on Discord: the server has no such role`,
      mend: `Server Settings, Roles: make a role named exactly "${name}", and give it to those who should be called.`,
    };
    return { kind: 'role', problem };
  }

  async #list(): Promise<readonly APIRole[]> {
    if (this.#roles && this.now() - this.#roles.at < ROLES_MS) return this.#roles.list;
    try {
      const list = await this.rest.get<APIRole[]>(Routes.guildRoles(this.guild));
      this.#roles = { at: this.now(), list };
      return list;
    } catch {
      // What cannot be asked is not known: an old list is better than none.
      return this.#roles?.list ?? [];
    }
  }
}

interface Found {
  readonly kind: 'user' | 'role';
  readonly id?: string;
  readonly problem?: { readonly what: string; readonly mend: string };
}
