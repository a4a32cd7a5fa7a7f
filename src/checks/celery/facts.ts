/** One worker as its pings show it. */
export interface WorkerRow {
  /** celery@worker1 */
  readonly node: string;
  /** The host of the config that it runs on, by its name. */
  readonly host?: string;
  /**
   * silent: it listens and does not answer. gone: it does not listen any more. unheard: one of the two, the broker
   * does not say which.
   */
  readonly state: 'answers' | 'silent' | 'gone' | 'unheard';
  /** UTC milliseconds of the round in which it answered last. */
  readonly answeredAt: number;
  /** From the question to its answer; null when there was none. */
  readonly ms: number | null;
}

export interface QueueRow {
  readonly queue: string;
  /** Null when there is no such queue. */
  readonly ready: number | null;
  /** By priority, 0 first; empty where the broker does not tell. */
  readonly byPriority: readonly number[];
  readonly unacked: number | null;
  readonly consumers: number | null;
  /** Seconds that its oldest message waits, where that is told. */
  readonly oldestSeconds: number | null;
}

/** A worker's pool and what it does. */
export interface PoolRow {
  readonly node: string;
  readonly host?: string;
  /** A solo pool works in the process that should answer. */
  readonly solo: boolean;
  readonly size: number;
  readonly active: number;
  readonly prefetch: number;
  /** Most and fewest processes, where it scales itself. */
  readonly autoscale: string;
  /** Most memory that its main process had: about what one more child needs. 0 where it is not told. */
  readonly bytes: number;
  /** Tasks taken up a second since the snapshot before; null without one. */
  readonly perSecond: number | null;
}

/** Tasks taken up since the snapshot before, by name. */
export interface TaskRate {
  readonly task: string;
  readonly perSecond: number;
}

export interface RunningRow {
  readonly task: string;
  readonly count: number;
  readonly longestSeconds: number;
}

/** The head of a queue, by task. */
export interface WaitingRow {
  readonly queue: string;
  readonly task: string;
  readonly count: number;
  /** Messages that were looked at in that queue. */
  readonly looked: number;
  readonly oldestSeconds: number | null;
}

/** How tasks ended, over the last minute of listening. */
export interface EndedRow {
  readonly task: string;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly meanSeconds: number | null;
}

export interface FailureRow {
  readonly task: string;
  readonly node: string;
  /** Without what looks like a secret. */
  readonly exception: string;
  readonly where: string;
  readonly count: number;
}

export interface EventsFacts {
  /** Seconds of listening that the figures cover. */
  readonly seconds: number;
  readonly ended: readonly EndedRow[];
  readonly failures: readonly FailureRow[];
  /** Nodes that told of tasks in that time. */
  readonly tellers: readonly string[];
  /** True when there was more to hear than may be taken, and it paused. */
  readonly paused: boolean;
}

export interface CeleryFacts {
  readonly workers: readonly WorkerRow[];
  /** Hosts of the config from which no worker ever answered. */
  readonly missingHosts: readonly string[];
  /** Names that more than one worker goes by. */
  readonly twice: readonly string[];
  readonly queues: readonly QueueRow[];
  readonly pools: readonly PoolRow[];
  readonly rates: readonly TaskRate[];
  readonly running: readonly RunningRow[];
  readonly waiting: readonly WaitingRow[];
  /** Queues of the config that no worker consumes from. */
  readonly unserved: readonly string[];
  readonly events: EventsFacts;
}
