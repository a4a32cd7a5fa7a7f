import type { Duplex } from 'node:stream';
import type { Command } from './command.ts';
import type { Links } from './links.ts';

export interface ReadOptions {
  /** Milliseconds until the call is given up as TARGET_DEADLINE; default 5000. */
  readonly timeoutMs?: number;
  /** Bytes of standard output kept, default 1 MiB. What is over is cut off and `cut` is true. */
  readonly maxBytes?: number;
  /** What to write to standard input (exec only; the long-lived shell reads from /dev/null). */
  readonly input?: string;
  readonly signal?: AbortSignal;
}

/** Exec channels of a host at once: sshd's MaxSessions is 10 by default, and the shell and forwards take some. */
export const MAX_CHANNELS = 3;

/** `status` is the exit code, or 128 + n after signal n. `stderr` is at most 8 KiB. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  readonly cut: boolean;
  readonly ms: number;
}

/** A TCP address as the target itself sees it (its own loopback), or a unix socket on it. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * A host under one account. Every call has a deadline and throws a WarroomError of the catalogue:
 * TARGET_UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, TARGET_DEADLINE. A command that ran and failed is
 * no error here: look at `status`. While a host is known to be unreachable, calls fail at once.
 */
export interface Target {
  readonly name: string;
  readonly account: 'reading' | 'acting';
  /** Through the one long-lived `sh`: short scheduled reads, one at a time. */
  read(command: Command, options?: ReadOptions): Promise<Output>;
  /** Through a channel of its own (at most 3 at once): log windows, live looks, actions. */
  exec(command: Command, options?: ReadOptions): Promise<Output>;
  /** A stream to a socket of the target; over SSH it is forwarded. The caller ends it. */
  connect(address: SocketAddress, options?: Pick<ReadOptions, 'timeoutMs' | 'signal'>): Promise<Duplex>;
}

export interface TargetHealth {
  readonly host: string;
  readonly state: 'unknown' | 'connected' | 'unreachable';
  readonly since: number;
  readonly problem?: string;
}

/** All targets of a stack, made on first use and kept. */
export interface Targets {
  reading(host: string): Target;
  /** A server that is on no host of the config: sockets from this machine only. */
  direct(name: string): Target;
  /** Clients of servers that speak a protocol of their own, kept between rounds. */
  readonly links: Links;
  /** Undefined where the config has no acting account (a remediation is then "not possible here"). */
  acting(host: string): Target | undefined;
  health(): TargetHealth[];
  close(): Promise<void>;
}
