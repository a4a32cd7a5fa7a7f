import { lasted } from '../../src/message/figures.ts';
import { follows } from '../live/route.ts';
import { incidents, loaded, status } from '../live/state.ts';
import { Level } from '../parts/level.tsx';
import { Foreign, Time } from '../parts/text.tsx';

const SHOWN = 20;

/** Where a thread would be while all is well: what was before. */
export function Lately() {
  const past = [...incidents.value.values()].sort((a, b) => b.since - a.since).slice(0, SHOWN);
  const counts = status.value?.counts;
  if (!loaded.value) return <p class="empty">Threads show here as soon as the bot answers.</p>;
  return (
    <article class="thread">
      <header class="thread-head">
        <h2>No incident is open</h2>
      </header>
      <p class="muted">
        {counts ? `${counts.ok} checks are OK. ` : ''}A thread opens here by itself, with what visitors feel,
        why, and what can be done.
      </p>
      {past.length > 0 && (
        <>
          <h3 class="label">Before</h3>
          <ul class="lately">
            {past.map((incident) => (
              <li key={incident.id}>
                <a href={`/incident/${incident.id}`} onClick={follows}>
                  <Level
                    level={incident.state === 'ended-unverified' ? 'unknown' : 'ok'}
                    word={incident.state === 'resolved' ? 'RESOLVED' : incident.state.toUpperCase()}
                  />
                  <span class="title">
                    #{incident.id} <Foreign text={incident.title} />
                  </span>
                  <span class="muted small">
                    <Time at={incident.since} seconds={false} />
                    {incident.resolvedAt !== null && `, ${lasted(incident.resolvedAt - incident.since)}`}
                  </span>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </article>
  );
}
