import type { Heard } from '../../targets/celery/contract.ts';
import { control } from '../../targets/celery/control.ts';
import type { CollectContext, Evidence, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { plain } from '../rate.ts';
import { endedTable, failureTable } from './evidence.ts';
import { measureEvents } from './measure-work.ts';
import { noWords, withBroker, withListener } from './place.ts';

const LISTEN_MS = 5000;
const SHOWN = 20;

/** What workers tell by themselves, for 5 s. */
export const events: View = {
  name: 'events',
  summary: 'What workers tell of their tasks, for 5 s',
  async show(context, args) {
    noWords('events', args);
    return shown(await listened(context));
  },
};

/** With `enable_events` for the time of the look, at those workers only that had them off. */
export const switchedEvents: View = {
  name: 'events-on',
  summary: 'The same with task events switched on for the look',
  cost: 'Workers send a message for each step of each task while you look: the broker and the workers have more to do.',
  async show(context, args) {
    noWords('events-on', args);
    const said = await withBroker(context, (broker) => control.enableEvents(broker));
    const switched = [...said.answers].filter(([, words]) => words === 'task events enabled');
    const nodes = switched.map(([node]) => node);
    try {
      return shown(await listened(context));
    } finally {
      if (nodes.length > 0) await withBroker(context, (broker) => control.disableEvents(broker, { nodes }));
    }
  },
};

async function listened(context: CollectContext): Promise<Heard> {
  return withListener(context, 'look', async (listener) => {
    await listener.drain();
    await pause(LISTEN_MS, context.signal);
    const heard = await listener.drain();
    await listener.rest();
    return heard;
  });
}

function shown(heard: Heard): Evidence[] {
  const { facts } = measureEvents(undefined, { at: Date.now(), snapshot: { windows: [heard] } });
  const silent = [...heard.nodes].filter(([, { tasks }]) => !tasks).map(([node]) => plain(node));
  const recent = heard.recent.slice(-SHOWN).reverse();
  const notes: string[] = [];
  if (recent.length === 0) notes.push('Nothing was heard in 5 s.');
  if (silent.length > 0)
    notes.push(
      `No task events from ${silent.join(', ')}: no task ran there, or they are off (-E, worker_send_task_events = True).`,
    );
  if (heard.paused) notes.push('There was more than may be taken; it paused.');
  return [
    ...failureTable(facts.events?.failures ?? [], SHOWN),
    ...endedTable(facts.events?.ended ?? [], SHOWN),
    ...(recent.length === 0
      ? []
      : [
          {
            kind: 'table' as const,
            title: 'Newest events',
            columns: [{ name: 'event' }, { name: 'task' }, { name: 'worker' }, { name: 'id' }],
            rows: recent.map((event) => [
              plain(event.type),
              plain(event.task),
              plain(event.node),
              plain(event.id, 40),
            ]),
          },
        ]),
    ...notes.map((text) => ({ kind: 'note' as const, text })),
  ];
}
