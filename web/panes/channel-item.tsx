import type { ComponentChildren } from 'preact';
import { clock } from '../live/clock.ts';
import { route } from '../live/route.ts';
import { followedIncident } from '../live/state.ts';

export interface Shown {
  readonly id: string;
  readonly at: number;
  readonly content: ComponentChildren;
  /** An answer to this person, kept apart from what all see. */
  readonly alone?: boolean;
  readonly incident?: string;
  readonly level?: string;
}

/** One message of the channel; `j` and `k` move the focus between them, Enter opens the thread. */
export function Item({ item }: { readonly item: Shown }) {
  const shownThread = route.value.page === 'incident' ? route.value.id : followedIncident.value?.id;
  const current = item.incident !== undefined && shownThread === item.incident;
  return (
    <li
      class={['item', item.level ?? '', item.alone ? 'alone' : '', current ? 'current' : '']
        .filter(Boolean)
        .join(' ')}
      data-message
      tabIndex={-1}
      {...(item.incident ? { 'data-incident': item.incident } : {})}
    >
      <time class="at muted small" dateTime={new Date(item.at).toISOString()}>
        {clock(item.at, false)}
      </time>
      <div class="body">{item.content}</div>
    </li>
  );
}
