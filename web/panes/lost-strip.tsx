import { clock, now } from '../live/clock.ts';
import { connection, status } from '../live/state.ts';
import { tryNow } from '../live/stream.ts';

/** Says what is broken, since when and what is tried; the last figures stay below it, with their age. */
export function LostStrip() {
  const lost = connection.value;
  const off = status.value?.handsOff;
  return (
    <div class="strips">
      {lost.state === 'lost' && (
        <div class="strip lost" role="status">
          <span>
            Connection lost since {clock(lost.since)}, trying again
            {/* A count that is read out every second would drown everything else. */}
            <span aria-hidden="true">
              {lost.nextAt > now.value ? ` in ${Math.ceil((lost.nextAt - now.value) / 1000)} s` : ''}
            </span>
            . What is shown was true then; the bot itself goes on.
          </span>
          <button type="button" class="small" onClick={tryNow}>
            Try now
          </button>
        </div>
      )}
      {off && (
        <div class="strip" role="status">
          Hands off since {clock(off.since)} ({off.by}): nothing is changed but reverts.
        </div>
      )}
      {status.value?.silences.map((silence) => (
        <div key={silence.scope} class="strip quiet">
          Silenced until {clock(silence.until, false)}: {silence.scope} ({silence.by}: {silence.reason})
        </div>
      ))}
    </div>
  );
}
