import type { Bind } from '../host.ts';
import type { Part } from '../plan.ts';
import type { Passwords } from '../secrets.ts';

/** What a server's own files need to know of the lab. */
export interface Place {
  readonly root: string;
  readonly number: number;
  /** The parts that are up. */
  readonly parts: readonly Part[];
  readonly passwords: Passwords;
}

/** A server of the lab: its files, how it starts on its host, and what answers once it is ready. */
export interface Service {
  /** `program@host`, unique. */
  readonly name: string;
  readonly host: string;
  readonly parts: readonly Part[];
  /** Prepared, but not started by `up`. */
  readonly idle?: true;
  /** Folders of the host's own that stand at the system's usual paths. */
  readonly binds: readonly Bind[];
  /** What pgrep on its host finds it by. */
  readonly process: readonly string[];
  /** What asks its oldest process to end; TERM unless it is another. */
  readonly stopSignal?: 'INT' | 'QUIT';
  /** Writes its files before its host boots. */
  prepare(place: Place): Promise<void> | void;
  /** Shell lines that start it, run inside the host as root; what they start must not stay in the foreground. */
  start(place: Place): string;
  /** Whether it answers. */
  ready(place: Place): Promise<boolean>;
  /** Shell lines that are run once it answers, after each start; so they say things that may be said twice. */
  settle?(place: Place): string;
}

/** Prefix of a command that gives up root for good, without PAM. */
export function asUser(user: string): string {
  return `setpriv --reuid=${user} --regid=${user} --clear-groups`;
}
