import { WarroomError } from '../../errors/catalogue.ts';
import type { Broker } from '../../targets/celery/contract.ts';
import {
  type Answers,
  active,
  activeQueues,
  type Options,
  registered,
  reserved,
  type Scheduled,
  scheduled,
  type Task,
} from '../../targets/celery/control.ts';
import type { CollectContext, Evidence, Measured, Timed, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { plain } from '../rate.ts';
import { collectLook, collectQueues, collectStats, collectWorkers } from './collect.ts';
import { queueTable, rateTable, runningTable, waitingTable, workerTable } from './evidence.ts';
import type { CeleryFacts } from './facts.ts';
import { measureLook, measureQueues, measureWorkers } from './measure.ts';
import { measureStats } from './measure-work.ts';
import { noWords, withBroker } from './place.ts';
import { events, switchedEvents } from './views-events.ts';

const LOOK_MS = 1000;
const SHOWN = 30;

async function timed<S>(snapshot: Promise<S>): Promise<Timed<S>> {
  return { snapshot: await snapshot, at: Date.now() };
}

/** As flower's first page: workers with what they do, and the queues; two looks a second apart. */
async function look(context: CollectContext) {
  const { place } = context;
  const first = await timed(collectStats(context));
  const workers = await timed(collectWorkers(context));
  const queues = await timed(collectQueues(context));
  await pause(LOOK_MS, context.signal);
  const second = await timed(collectStats(context));
  const parts: Measured<CeleryFacts>[] = [
    measureWorkers(undefined, workers, place),
    measureQueues(undefined, queues),
    measureStats(first, second, place),
  ];
  const facts: Partial<CeleryFacts> = Object.assign({}, ...parts.map((part) => part.facts));
  return { at: second.at, readings: parts.flatMap((part) => part.readings), facts };
}

const overview: View = {
  name: '',
  summary: 'Workers, queues and what is done a second, as flower shows them',
  async show(context, args) {
    noWords('', args);
    const { at, readings, facts } = await look(context);
    return [
      {
        kind: 'figures',
        rows: readings
          .filter((reading) => reading.labels === undefined)
          .map(({ metric, value, unit }) => ({
            name: metric.replace('celery.', '').replaceAll('_', ' '),
            value,
            unit,
          })),
      },
      ...workerTable(facts.workers ?? [], facts.pools ?? [], at, SHOWN),
      ...queueTable(facts.queues ?? [], SHOWN),
      ...runningTable(facts.running ?? []),
    ];
  },
};

const workers: View = {
  name: 'workers',
  summary: 'Each worker: whether it answers, its pool, what it does',
  async show(context, args) {
    noWords('workers', args);
    const { at, facts } = await look(context);
    return orNone(workerTable(facts.workers ?? [], facts.pools ?? [], at, SHOWN), 'No worker answers.');
  },
};

const queues: View = {
  name: 'queues',
  summary: 'Each queue: what waits, what is taken, and the tasks at its head',
  async show(context, args) {
    noWords('queues', args);
    const depths = measureQueues(undefined, await timed(collectQueues(context)));
    const heads = measureLook(undefined, await timed(collectLook(context)), context.place);
    const served = await withBroker(context, (broker) => activeQueues(broker));
    return [
      ...queueTable(depths.facts.queues ?? [], SHOWN),
      ...waitingTable(heads.facts.waiting ?? []),
      ...tableOf(
        'Consumed by',
        [{ name: 'worker' }, { name: 'queues' }],
        [...served.answers].map(([node, list]) => [
          plain(node),
          plain(list.map(({ name }) => name).join(', ')),
        ]),
      ),
    ];
  },
};

const tasks: View = {
  name: 'tasks',
  summary: 'Tasks that workers know, and how many of each are taken up a second',
  async show(context, args) {
    noWords('tasks', args);
    const { facts } = await look(context);
    const known = await withBroker(context, (broker) => registered(broker));
    const names = new Map<string, number>();
    for (const task of [...known.answers.values()].flat())
      names.set(plain(task), (names.get(plain(task)) ?? 0) + 1);
    return [
      ...orNone(rateTable(facts.rates ?? [], SHOWN), 'No task was taken up in the last second.'),
      ...tableOf(
        'Registered',
        [{ name: 'task' }, { name: 'workers' }],
        [...names].sort(([a], [b]) => a.localeCompare(b)),
      ),
      ...refusals(known),
    ];
  },
};

/** Lists of tasks that workers give, from all or from one worker or host. */
function taskView(
  name: string,
  summary: string,
  ask: (broker: Broker, options?: Options) => Promise<Answers<readonly Task[]>>,
): View {
  return {
    name,
    summary,
    async show(context, args) {
      const only = oneNode(name, args);
      const told = await withBroker(context, (broker) => ask(broker));
      const now = Date.now() / 1000;
      const rows = [...told.answers]
        .filter(([node]) => only === undefined || isNode(node, only))
        .flatMap(([node, list]) => list.map((task) => ({ node, task })))
        .sort((a, b) => (a.task.time_start ?? now) - (b.task.time_start ?? now))
        .map(({ node, task }) => [
          plain(task.name),
          typeof task.time_start === 'number' ? Math.max(0, now - task.time_start) : null,
          plain(task.delivery_info.routing_key),
          plain(node),
          typeof task.worker_pid === 'number' ? String(task.worker_pid) : '',
          plain(task.id, 40),
        ]);
      const columns = [
        { name: 'task' },
        { name: 'for', unit: 's' as const },
        { name: 'queue' },
        { name: 'worker' },
        { name: 'pid' },
        { name: 'id' },
      ];
      return [...orNone(tableOf(`Tasks, ${name}`, columns, rows), `No task is ${name}.`), ...refusals(told)];
    },
  };
}

const planned: View = {
  name: 'scheduled',
  summary: 'Tasks that workers keep for a later time',
  async show(context, args) {
    const only = oneNode('scheduled', args);
    const told = await withBroker(context, (broker) => scheduled(broker));
    const rows = [...told.answers]
      .filter(([node]) => only === undefined || isNode(node, only))
      .flatMap(([node, list]) => list.map((one: Scheduled) => ({ node, one })))
      .sort((a, b) => (a.one.eta ?? '').localeCompare(b.one.eta ?? ''))
      .map(({ node, one }) => [
        plain(one.request.name),
        plain(one.eta ?? ''),
        plain(node),
        plain(one.request.id, 40),
      ]);
    const columns = [{ name: 'task' }, { name: 'at' }, { name: 'worker' }, { name: 'id' }];
    return [
      ...orNone(tableOf('Tasks, scheduled', columns, rows), 'No task is scheduled.'),
      ...refusals(told),
    ];
  },
};

export const views: readonly View[] = [
  overview,
  workers,
  taskView('active', 'Tasks that are being worked on', active),
  taskView('reserved', 'Tasks that workers have taken and not begun', reserved),
  planned,
  queues,
  tasks,
  events,
  switchedEvents,
];

function oneNode(view: string, args: readonly string[]): string | undefined {
  const [only, ...more] = args;
  if (more.length > 0 || (only !== undefined && !/^[\w.@-]{1,200}$/.test(only)))
    throw new WarroomError('BAD_ARGUMENT', {
      command: `celery ${view}`,
      problem: 'it takes the name of one worker or its host, such as celery@worker1.',
    });
  return only;
}

function isNode(node: string, word: string): boolean {
  return node === word || node.endsWith(`@${word}`);
}

function tableOf(
  title: string,
  columns: Extract<Evidence, { kind: 'table' }>['columns'],
  rows: readonly (readonly (string | number | null)[])[],
): Evidence[] {
  if (rows.length === 0) return [];
  const left = rows.length - SHOWN;
  const said = left > 0 ? `${title} (${left} more)` : title;
  return [{ kind: 'table', title: said, columns, rows: rows.slice(0, SHOWN) }];
}

function orNone(evidence: Evidence[], text: string): Evidence[] {
  return evidence.length > 0 ? evidence : [{ kind: 'note', text }];
}

function refusals({ errors, silent }: Answers<unknown>): Evidence[] {
  const notes = [...errors].map(([node, words]) => `${plain(node)}: ${plain(words)}`);
  if (silent)
    notes.push(`${silent} ${silent === 1 ? 'worker listens' : 'workers listen'} and did not answer.`);
  return notes.slice(0, SHOWN).map((text) => ({ kind: 'note', text }));
}
