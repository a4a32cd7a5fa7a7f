import type { Heard } from '../../targets/celery/contract.ts';
import type { CollectContext, Timed } from '../contract.ts';
import { withListener } from './place.ts';

export interface EventsSnapshot {
  /** What was heard between the rounds, newest last: about a minute. */
  readonly windows: readonly Heard[];
}

/** Seconds of listening that are kept, and most windows of it. */
const KEPT_S = 60;
const MOST_WINDOWS = 240;

/** Takes what the kept listener heard since the last round; the first round begins to listen. */
export async function collectEvents(
  context: CollectContext,
  previous: Timed<EventsSnapshot> | undefined,
): Promise<EventsSnapshot> {
  const heard = await withListener(context, 'schedule', (listener) => listener.drain());
  // The list of events is for views: it is not kept.
  const windows = [...(previous?.snapshot.windows ?? []), { ...heard, recent: [] }].slice(-MOST_WINDOWS);
  let seconds = windows.reduce((sum, window) => sum + window.seconds, 0);
  while (windows.length > 1 && seconds > KEPT_S) seconds -= windows.shift()?.seconds ?? 0;
  return { windows };
}
