import { clock, now } from '../live/clock.ts';
import { connection, openIncidents, status, worstIncident } from '../live/state.ts';
import { VisitorFigures } from '../panes/figures.tsx';
import { LostStrip } from '../panes/lost-strip.tsx';
import { Level, Shape, wordOf } from '../parts/level.tsx';
import { MessageView } from '../parts/message.tsx';
import { Foreign } from '../parts/text.tsx';

/** For the wall: read from across the room, nothing to press. */
export function Wall() {
  const shown = status.value;
  if (!shown)
    return (
      <p class="empty">
        {connection.value.state === 'lost'
          ? 'The bot does not answer; trying.'
          : 'Waiting for the first figures.'}
      </p>
    );
  const worst = worstIncident.value;
  const others = openIncidents.value.length - 1;
  const head = worst?.messages.find((message) => message.role === 'head')?.message;
  return (
    <main class={`wall ${shown.level}`}>
      <LostStrip />
      <header>
        <Level level={shown.level} />
        <h1>
          <Foreign text={shown.launch.name} />
        </h1>
        <span class="clock">{clock(now.value)}</span>
      </header>
      <VisitorFigures status={shown} />
      {head ? (
        <section class="worst">
          <MessageView message={{ blocks: head.blocks.filter((block) => block.kind !== 'actions') }} />
          {others > 0 && (
            <p class="muted">
              {others} more {others === 1 ? 'incident is' : 'incidents are'} open.
            </p>
          )}
        </section>
      ) : (
        <section class="worst">
          <p class="muted">
            No incident is open. {shown.counts.ok} checks OK, {shown.counts.unknown} unknown.
          </p>
        </section>
      )}
      <ul class="tiles">
        {[...shown.services, ...shown.hosts].map((service) => (
          <li key={`${service.kind} ${service.name}`} class={service.level}>
            <Shape level={service.level} size={20} />
            <span class="strong">{service.name}</span>
            <span class={service.level === 'ok' ? 'hidden' : 'word small'}>{wordOf(service.level)}</span>
            <span class="muted small now">
              <Foreign text={service.figures} />
            </span>
          </li>
        ))}
      </ul>
    </main>
  );
}
