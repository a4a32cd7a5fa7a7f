import type { Bind } from '../host.ts';

/** What a server's own files need to know of the lab. */
export interface Place {
  readonly root: string;
  readonly number: number;
}

/** A server of the lab: its files, how it starts on its host, and what answers once it is ready. */
export interface Service {
  readonly host: string;
  /** Folders of the host's own that stand at the system's usual paths. */
  readonly binds: readonly Bind[];
  /** Writes its files before its host boots. */
  prepare(place: Place): Promise<void> | void;
  /** Shell lines that start it, run inside the host as root; what they start must not stay in the foreground. */
  start(place: Place): string;
  /** Whether it answers. */
  ready(place: Place): Promise<boolean>;
}
