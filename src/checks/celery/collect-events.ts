import type { Heard } from '../../targets/celery/contract.ts';
import type { CollectContext, Timed } from '../contract.ts';
import { withListener } from './place.ts';

export interface EventsSnapshot {
  /** What was heard between the rounds, newest last: about two minutes. */
  readonly windows: readonly Heard[];
}

const WINDOWS = 12;

/** Takes what the kept listener heard since the last round; the first round begins to listen. */
export async function collectEvents(
  context: CollectContext,
  previous: Timed<EventsSnapshot> | undefined,
): Promise<EventsSnapshot> {
  const heard = await withListener(context, 'schedule', (listener) => listener.drain());
  // The list of events is for views: it is not kept.
  return { windows: [...(previous?.snapshot.windows ?? []), { ...heard, recent: [] }].slice(-WINDOWS) };
}
