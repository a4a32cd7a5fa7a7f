import { clock, now, zoneName } from '../live/clock.ts';
import { follows } from '../live/route.ts';
import { connection, here, me, openIncidents, status, worstIncident } from '../live/state.ts';
import { Level } from '../parts/level.tsx';
import { Foreign } from '../parts/text.tsx';
import { aboutOpen } from './about.tsx';
import { VisitorFigures } from './figures.tsx';

/** Always on top: how the launch is, what visitors feel, who is here, whether this page hears the bot. */
export function TopBar() {
  const shown = status.value;
  const worst = worstIncident.value;
  const open = openIncidents.value.length;
  return (
    <header class={`top ${shown?.level ?? 'unknown'}`}>
      <div class="launch">
        {shown && <Level level={shown.level} />}
        <h1>{shown ? <Foreign text={shown.launch.name} /> : 'Warroom'}</h1>
        <span class="clock muted" title={zoneName()}>
          {clock(now.value)}
        </span>
      </div>
      {shown && <VisitorFigures status={shown} />}
      {worst ? (
        <a class="open" href={`/incident/${worst.id}`} onClick={follows}>
          {open} {open === 1 ? 'incident' : 'incidents'} open
        </a>
      ) : (
        <span class="open muted">no incident</span>
      )}
      <div class="room">
        <span class="names muted" title="Who has the console open">
          {here.value.slice(0, 4).join(', ')}
          {here.value.length > 4 ? ` and ${here.value.length - 4} more` : ''}
        </span>
        <Live />
        <button type="button" class="bare" aria-haspopup="dialog" onClick={() => (aboutOpen.value = true)}>
          <span class="me">{me.value?.name}</span>
          <kbd aria-label="keys and settings">?</kbd>
        </button>
      </div>
    </header>
  );
}

function Live() {
  const { state } = connection.value;
  const words = { live: 'live', lost: 'not connected', connecting: 'connecting' } as const;
  return <span class={`connection ${state}`}>{words[state]}</span>;
}
