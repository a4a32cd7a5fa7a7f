import type { Config } from '../../config/schema.ts';
import { reason } from '../../errors/catalogue.ts';
import type { Identity } from '../../people/person.ts';
import type { ConsoleOptions } from './contract.ts';
import { hashOf, sameKey } from './keys.ts';

type Known = Config['console']['tokens'][number] & { readonly hash: string };

/** Bearer tokens of the config. Their secrets are read once a config, so a reload also rereads them. */
export class Tokens {
  #config: Config | undefined;
  #known: readonly Known[] = [];

  constructor(private readonly options: Pick<ConsoleOptions, 'config' | 'secretOf' | 'log'>) {}

  identityOf(given: string): Identity | undefined {
    let found: Known | undefined;
    // All are compared whatever matches, so the time says nothing about which one it was.
    for (const known of this.#tokens()) if (sameKey(given, known.hash)) found ??= known;
    if (!found) return undefined;
    const { name, may, person } = found;
    return {
      platform: 'console',
      // The prefix keeps a token's name from being taken for a person's.
      id: person === undefined ? `token:${name}` : consoleId(this.options.config(), person),
      display: person ?? name,
      kind: 'member',
      token: { name, may },
    };
  }

  #tokens(): readonly Known[] {
    const config = this.options.config();
    if (config === this.#config) return this.#known;
    this.#config = config;
    this.#known = config.console.tokens.flatMap((token, i) => {
      try {
        return [
          {
            ...token,
            hash: hashOf(this.options.secretOf(token.secret, `console.tokens[${i}].secret`).reveal()),
          },
        ];
      } catch (thrown) {
        this.options.log.error(
          { token: token.name, problem: reason(thrown) },
          'a console token has no secret',
        );
        return [];
      }
    });
    return this.#known;
  }
}

/** The console's id of a person named in the config; links and tokens name the person. */
export function consoleId(config: Config, name: string): string {
  return config.people[name]?.console ?? name;
}
