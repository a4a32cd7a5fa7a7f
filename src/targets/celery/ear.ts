import type { EndedRow, FailureRow, Heard, RecentEvent } from './contract.ts';
import { isRecord } from './message.ts';

/** Started, succeeded and failed carry no name: it is joined by the task's id, which received and sent give. */
const MOST_NAMES = 20_000;
/** A task's events come from its worker's main process and from its pool: one that ended may still be told of. */
const MOST_ENDED = 500;
const MOST_ROWS = 300;
const MOST_FAILURES = 60;
const MOST_NODES = 500;
const MOST_RECENT = 50;
const MOST_TEXT = 500;
export const UNHEARD = '(its name was not heard)';
const OTHERS = '(other tasks)';

type Counts = { -readonly [K in keyof EndedRow]: EndedRow[K] };

/** Gathers events, in bounded memory. Pure but for its clock, which only measures how long it listened. */
export class Ear {
  readonly #names = new Map<string, string>();
  readonly #endedNames = new Map<string, string>();
  readonly #rows = new Map<string, Counts>();
  readonly #failures = new Map<string, { -readonly [K in keyof FailureRow]: FailureRow[K] }>();
  readonly #nodes = new Map<string, { tasks: boolean }>();
  readonly #left = new Set<string>();
  #recent: RecentEvent[] = [];
  #heardMs = 0;
  #since: number | undefined;
  #paused = false;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.#since = now();
  }

  /** One event, or the array that `task.multi` carries. */
  hear(body: unknown): void {
    for (const event of Array.isArray(body) ? body : [body]) if (isRecord(event)) this.#one(event);
  }

  /** Nothing is heard until `resume`, and that time does not count. `overrun`: there was more than may be taken. */
  pause(overrun: boolean): void {
    if (this.#since !== undefined) this.#heardMs += this.now() - this.#since;
    this.#since = undefined;
    this.#paused ||= overrun;
  }

  resume(): void {
    this.#since ??= this.now();
  }

  take(): Heard {
    const now = this.now();
    const heardMs = this.#heardMs + (this.#since === undefined ? 0 : now - this.#since);
    const heard = {
      seconds: heardMs / 1000,
      ended: [...this.#rows.values()],
      failures: [...this.#failures.values()],
      nodes: new Map(this.#nodes),
      left: [...this.#left],
      recent: this.#recent,
      paused: this.#paused,
    };
    this.#heardMs = 0;
    if (this.#since !== undefined) this.#since = now;
    this.#rows.clear();
    this.#failures.clear();
    this.#nodes.clear();
    this.#left.clear();
    this.#recent = [];
    this.#paused = false;
    return heard;
  }

  #one(event: Record<string, unknown>): void {
    const type = text(event['type']);
    const node = text(event['hostname']);
    if (type === '' || node === '') return;
    const tasks = type.startsWith('task-');
    const known = this.#nodes.get(node);
    if (known) known.tasks ||= tasks && type !== 'task-sent';
    // A task-sent comes from whoever sends, which is no worker.
    else if (this.#nodes.size < MOST_NODES && type !== 'task-sent') this.#nodes.set(node, { tasks });
    if (type === 'worker-offline') this.#left.add(node);
    if (type === 'worker-online') this.#left.delete(node);
    const id = text(event['uuid']);
    const task = tasks ? this.#nameOf(type, id, event) : '';
    if (tasks) this.#count(type, task, node, event);
    if (type !== 'worker-heartbeat') this.#remember({ at: stamp(event), type, task, node, id });
  }

  #nameOf(type: string, id: string, event: Record<string, unknown>): string {
    const given = text(event['name']);
    const name = given || (this.#names.get(id) ?? this.#endedNames.get(id) ?? UNHEARD);
    this.#names.delete(id);
    this.#endedNames.delete(id);
    if (name === UNHEARD || id === '') return name;
    const ends = /^task-(succeeded|failed|rejected|revoked)$/.test(type);
    if (ends) keep(this.#endedNames, id, name, MOST_ENDED);
    else keep(this.#names, id, name, MOST_NAMES);
    return name;
  }

  #count(type: string, task: string, node: string, event: Record<string, unknown>): void {
    const field = Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined;
    if (field === undefined) return;
    const row = this.#row(task, node);
    row[field] += 1;
    const runtime = event['runtime'];
    if (type === 'task-succeeded' && typeof runtime === 'number' && runtime > 0) row.runtime += runtime;
    if (type === 'task-failed') this.#failed(task, node, event);
  }

  #row(task: string, node: string): Counts {
    const key = (name: string) => `${name}\0${node}`;
    const full = this.#rows.size >= MOST_ROWS && !this.#rows.has(key(task));
    const name = full ? OTHERS : task;
    const row = this.#rows.get(key(name)) ?? {
      task: name,
      node,
      received: 0,
      succeeded: 0,
      failed: 0,
      retried: 0,
      runtime: 0,
    };
    // The last rows are for those that hold the rest of a node.
    if (this.#rows.size < MOST_ROWS + MOST_NODES) this.#rows.set(key(name), row);
    return row;
  }

  #failed(task: string, node: string, event: Record<string, unknown>): void {
    const exception = text(event['exception']);
    // The same exception with another id in its text is one kind of failure.
    const kind = /^[\w.]+/.exec(exception)?.[0] ?? exception;
    const key = `${task}\0${node}\0${kind}`;
    const row = this.#failures.get(key);
    if (row) {
      row.count += 1;
      row.exception = exception;
      row.where = innermost(event['traceback']);
    } else if (this.#failures.size < MOST_FAILURES)
      this.#failures.set(key, { task, node, exception, where: innermost(event['traceback']), count: 1 });
  }

  #remember(event: RecentEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > MOST_RECENT) this.#recent.shift();
  }
}

const FIELDS: Readonly<Record<string, 'received' | 'succeeded' | 'failed' | 'retried'>> = {
  'task-received': 'received',
  'task-succeeded': 'succeeded',
  'task-failed': 'failed',
  'task-retried': 'retried',
};

/** The newest `most` of them. */
function keep(names: Map<string, string>, id: string, name: string, most: number): void {
  names.set(id, name);
  if (names.size > most) names.delete(names.keys().next().value as string);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MOST_TEXT) : '';
}

function stamp(event: Record<string, unknown>): number {
  const seconds = event['timestamp'];
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.round(seconds * 1000) : 0;
}

/** `File "shop/tasks.py", line 12, in work` of the innermost frame. */
function innermost(traceback: unknown): string {
  if (typeof traceback !== 'string') return '';
  const frames = traceback.slice(-20_000).match(/File "[^"\n]{1,300}", line \d+, in [^\n]{1,120}/g);
  return frames?.at(-1) ?? '';
}
