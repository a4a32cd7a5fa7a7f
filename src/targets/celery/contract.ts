/** A question to workers. */
export interface Question {
  readonly method: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Nodes that shall answer; all when left out. */
  readonly nodes?: readonly string[];
  /** Milliseconds to wait for answers; default 1000, as `celery inspect`. */
  readonly waitMs?: number;
  /**
   * Nodes that answered before. RabbitMQ does not say how many will answer: once these did, a moment more is waited
   * for others, not the whole time.
   */
  readonly expecting?: readonly string[];
}

export interface Answer {
  readonly node: string;
  readonly value: unknown;
  /** From the question to this answer. */
  readonly ms: number;
}

export interface Asked {
  readonly answers: readonly Answer[];
  /** Workers that were listening, answered or not; undefined where the broker does not say (RabbitMQ). */
  readonly subscribed: number | undefined;
}

export interface Depth {
  readonly queue: string;
  /** Messages that no worker has taken yet; null when there is no such queue. */
  readonly ready: number | null;
  /** By priority, 0 first; empty where the broker does not tell. */
  readonly byPriority: readonly number[];
  /** Workers that consume from it; undefined where the broker does not say. */
  readonly consumers?: number;
  /** Taken by workers and not acknowledged; of this queue alone. */
  readonly unacked?: number;
}

export interface Depths {
  readonly queues: readonly Depth[];
  /** Taken by workers and not acknowledged, all queues; undefined where nobody tells it. */
  readonly unacked: number | undefined;
}

/** A waiting message, without its arguments. */
export interface Waiting {
  readonly task: string;
  readonly id: string;
  /** Whole milliseconds since 1970 when the message says when it was sent; Celery itself does not. */
  readonly sentAt?: number;
  readonly eta?: number;
}

/** A message broker as Celery's workers use it. One caller at a time. */
export interface Broker {
  readonly transport: 'redis' | 'amqp';
  /** RabbitMQ's virtual host; Redis has none. */
  readonly vhost?: string;
  /** Asks and gathers answers; leaves nothing behind in the broker. */
  ask(question: Question): Promise<Asked>;
  depths(queues: readonly string[]): Promise<Depths>;
  /** Oldest first, at most so many; nothing where a look would disturb the queue (RabbitMQ). */
  peek(queue: string, most: number): Promise<readonly Waiting[]>;
  /** Whether a worker listens at all; undefined where the broker does not say (Redis says a number to `ask`). */
  listens(node: string): Promise<boolean | undefined>;
  close(): void;
}

/** Counted since the last `drain`. */
export interface Heard {
  /** Seconds of listening that the counts cover. */
  readonly seconds: number;
  readonly ended: readonly EndedRow[];
  readonly failures: readonly FailureRow[];
  /** Nodes that sent anything, and whether it was about tasks. */
  readonly nodes: ReadonlyMap<string, { readonly tasks: boolean }>;
  /** Nodes that said goodbye. */
  readonly left: readonly string[];
  /** The newest events, newest last, at most 50. */
  readonly recent: readonly RecentEvent[];
  /** True when there was more than a listener may take, and it paused. */
  readonly paused: boolean;
}

export interface EndedRow {
  readonly task: string;
  readonly node: string;
  readonly received: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  /** Seconds that the succeeded ones took in all. */
  readonly runtime: number;
}

export interface FailureRow {
  readonly task: string;
  readonly node: string;
  /** The exception as its worker wrote it; not redacted. */
  readonly exception: string;
  /** The innermost line of its traceback; not redacted. */
  readonly where: string;
  readonly count: number;
}

export interface RecentEvent {
  /** Milliseconds since 1970, the worker's clock. */
  readonly at: number;
  readonly type: string;
  readonly task: string;
  readonly node: string;
  readonly id: string;
}

/** Listens to what workers tell of their tasks. */
export interface Listener {
  /** What was heard since the last one; one that rests listens again. */
  drain(): Promise<Heard>;
  /** Stops listening until the next `drain`; nothing is sent to it meanwhile. */
  rest(): Promise<void>;
  close(): void;
}
