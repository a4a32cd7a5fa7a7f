import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { IncidentJson } from '../../src/bot/contract.ts';
import { clock } from '../live/clock.ts';
import { act } from '../live/desk.ts';
import { follows } from '../live/route.ts';
import { answers, incidents, loaded, notes } from '../live/state.ts';
import { isHeldBack } from '../parts/held-back.tsx';
import { MessageView } from '../parts/message.tsx';
import { Item, type Shown } from './channel-item.tsx';

/** This near to its end the channel follows what comes. */
const NEAR_PX = 48;

/** The channel: notes and the heads of threads in the order in which they came, edited in place. */
export function ChannelPane() {
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const seen = useRef(0);
  const [fresh, setFresh] = useState(0);
  const items = itemsOf();

  const toEnd = () => {
    const box = scroller.current;
    if (box) box.scrollTop = box.scrollHeight;
    atEnd.current = true;
    setFresh(0);
  };
  // Before the picture is drawn, so nothing is seen to jump.
  useLayoutEffect(() => {
    if (atEnd.current) toEnd();
    else if (items.length > seen.current) setFresh((count) => count + items.length - seen.current);
    seen.current = items.length;
  }, [items.length]);
  const mine = answers.value;
  useEffect(() => {
    if (mine.length > 0) toEnd();
  }, [mine]);
  // A pane that was hidden, or that grew, still ends at its end.
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const resized = new ResizeObserver(() => atEnd.current && toEnd());
    resized.observe(box);
    if (box.firstElementChild) resized.observe(box.firstElementChild);
    return () => resized.disconnect();
  }, []);

  return (
    <div class="channel">
      <div
        ref={scroller}
        class="scroll"
        tabIndex={0}
        role="region"
        aria-label="Messages"
        onScroll={(event) => {
          const box = event.currentTarget;
          atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
          if (atEnd.current) setFresh(0);
        }}
      >
        <ol class="items">
          {items.length === 0 && loaded.value && (
            <li class="empty">
              Nothing was said yet. Incidents open here by themselves; type <code>help</code> below for all
              that can be asked.
            </li>
          )}
          {items.map((item) => (
            <Item key={item.id} item={item} />
          ))}
        </ol>
      </div>
      {fresh > 0 && (
        <button type="button" class="pill filled" onClick={toEnd}>
          {fresh} new
        </button>
      )}
    </div>
  );
}

function itemsOf(): Shown[] {
  return [
    ...notes.value.map(
      (note): Shown => ({ id: note.id, at: note.at, content: <MessageView message={note.message} /> }),
    ),
    ...[...incidents.value.values()].map(headItem),
    ...answers.value.map(
      (answer): Shown => ({
        id: answer.id,
        at: answer.at,
        alone: true,
        content: (
          <>
            <p class="asked">
              <code>/ {answer.asked}</code> <span class="muted small">only you see this</span>
            </p>
            {answer.message ? (
              <MessageView message={answer.message} onAction={(action) => act(action, proposalsById())} />
            ) : (
              <p class="muted">asked at {clock(answer.at)}, no answer yet</p>
            )}
          </>
        ),
      }),
    ),
  ].sort((a, b) => a.at - b.at);
}

function headItem(incident: IncidentJson): Shown {
  const head = incident.messages.find((message) => message.role === 'head');
  const waiting = incident.waiting.length;
  const replies = incident.timeline.length;
  return {
    id: `incident-${incident.id}`,
    at: incident.since,
    incident: incident.id,
    level: incident.resolvedAt === null ? incident.level : 'ok',
    content: (
      <>
        {head && (
          <MessageView
            message={{ blocks: head.message.blocks.filter((block) => !isHeldBack(block)) }}
            brief
          />
        )}
        <p class="into">
          <a href={`/incident/${incident.id}`} onClick={follows}>
            Open thread
          </a>
          <span class="muted small">
            {replies} {replies === 1 ? 'entry' : 'entries'}
            {waiting > 0 ? ` · waiting for an approver: ${incident.waiting.join(', ')}` : ''}
          </span>
        </p>
      </>
    ),
  };
}

function proposalsById() {
  return new Map(
    [...incidents.value.values()].flatMap((incident) =>
      incident.proposals.map((one) => [one.id, one] as const),
    ),
  );
}
