import { clock, now, zoneName } from '../live/clock.ts';
import { goToApproval } from '../live/desk.ts';
import { follows } from '../live/route.ts';
import {
  connection,
  here,
  me,
  openIncidents,
  status,
  waitingProposal,
  worstIncident,
} from '../live/state.ts';
import { Level } from '../parts/level.tsx';
import { Foreign } from '../parts/text.tsx';
import { aboutOpen } from './about.tsx';
import { VisitorFigures } from './figures.tsx';

/** Always on top: how the launch is, what visitors feel, who is here, whether this page hears the bot. */
export function TopBar() {
  const shown = status.value;
  const worst = worstIncident.value;
  const open = openIncidents.value.length;
  const waiting = waitingProposal.value;
  const others = here.value.filter((name) => name !== me.value?.name);
  return (
    <header class={`top ${shown?.level ?? 'unknown'}`}>
      <div class="launch">
        {shown && <Level level={shown.level} />}
        <h1>{shown ? <Foreign text={shown.launch.name} /> : 'Warroom'}</h1>
        <span class="clock muted" title={zoneName()}>
          {clock(now.value, false)}
          <span class="seconds">{clock(now.value).slice(-3)}</span>
        </span>
      </div>
      {shown && <VisitorFigures status={shown} />}
      <div class="open">
        {worst ? (
          <a href={`/incident/${worst.id}`} onClick={follows}>
            {open} {open === 1 ? 'incident' : 'incidents'} open
          </a>
        ) : (
          <span class="muted">no incident</span>
        )}
        {waiting && (
          <button type="button" onClick={() => goToApproval(waiting)}>
            {waiting.id} waits <kbd aria-hidden="true">a</kbd>
          </button>
        )}
      </div>
      <div class="room">
        {others.length > 0 && (
          <span class="names muted">
            here: {others.slice(0, 3).join(', ')}
            {others.length > 3 ? ` and ${others.length - 3} more` : ''}
          </span>
        )}
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
