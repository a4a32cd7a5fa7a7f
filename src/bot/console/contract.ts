import type { Config, SecretSource } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import type { Store } from '../../store/store.ts';
import type { Desk } from '../contract.ts';

/** What the console writes to the log; messages are constant, variables are fields. */
export interface ConsoleLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ConsoleOptions {
  readonly desk: Desk;
  /** The config in force: asked anew at each request, so that a reload counts at once. */
  readonly config: () => Config;
  readonly store: Store;
  /** The built front end. */
  readonly webRoot: string;
  readonly log: ConsoleLog;
  readonly version: string;
  /** What `/metrics` answers; without it there is no such page. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string> };
  /** Reads a token's secret; `path` is its place in the config. Throws when it is missing. */
  readonly secretOf: (source: SecretSource, path: string) => Secret;
  readonly now?: () => number;
}

export interface ConsoleServer {
  /** `127.0.0.1:7080`, with the port that was really taken. */
  readonly address: string;
  /** A single-use sign-in URL, good for ten minutes. Its secret is in the fragment, which no server and no log sees. */
  link(name: string, options?: { readonly localApprover?: boolean }): Promise<string>;
  close(): Promise<void>;
}
