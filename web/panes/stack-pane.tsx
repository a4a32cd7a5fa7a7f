import type { ServiceJson } from '../../src/bot/contract.ts';
import { age } from '../live/clock.ts';
import { follows, route } from '../live/route.ts';
import { status } from '../live/state.ts';
import { Shape, wordOf } from '../parts/level.tsx';
import { Spark } from '../parts/spark.tsx';
import { Foreign } from '../parts/text.tsx';

/** The stack from visitors down to databases, then the machines under it. */
export function StackPane() {
  const shown = status.value;
  if (!shown) return <p class="empty">The stack shows here as soon as the bot answers.</p>;
  const { counts } = shown;
  const todo = shown.setUp.filter((item) => !item.done).length;
  return (
    <>
      {shown.services.length === 0 && (
        <p class="empty">
          No service is watched yet. What listens on a watched host is found by itself; the rest is named
          under <code>services:</code> in the config.
        </p>
      )}
      <ul class="rows">{shown.services.map(row)}</ul>
      {shown.hosts.length > 0 && <h2 class="label">Hosts</h2>}
      <ul class="rows">{shown.hosts.map(row)}</ul>
      {shown.setUp.length > 0 && (
        <a class="to-finish" href="/set-up" onClick={follows}>
          <Shape level={todo > 0 ? 'set-up' : 'ok'} />
          {todo > 0 ? `${todo} ${todo === 1 ? 'thing' : 'things'} to finish` : 'Set-up is finished'}
        </a>
      )}
      <p class="counts muted small">
        {counts.ok} checks OK, {counts.warn} warn, {counts.critical} critical, {counts.unknown} unknown
      </p>
    </>
  );
}

function row(service: ServiceJson) {
  const { name, level, at, intervalMs, spark } = service;
  const old = age(at, intervalMs);
  const here = route.value.page === 'service' && route.value.name === name;
  const worst = service.findings.find((finding) => finding.level === level && level !== 'ok');
  return (
    <li key={`${service.kind} ${name}`}>
      <a
        class={`row ${level}`}
        href={`/service/${encodeURIComponent(name)}`}
        onClick={follows}
        {...(here ? { 'aria-current': 'page' as const } : {})}
      >
        <Shape level={level} />
        <span class={spark ? 'what' : 'what wide'}>
          <span class="name">
            <span class="strong">{name}</span>
            {level !== 'ok' && <span class="word"> {wordOf(level)}</span>}
            {level === 'ok' && <span class="hidden"> {wordOf(level)}</span>}
          </span>
          <span class="now">
            {service.figures ? (
              <Foreign text={service.figures} />
            ) : level === 'unwatched' ? (
              service.kind
            ) : (
              'no figures yet'
            )}
            {old && <span class="old"> · {old}</span>}
          </span>
        </span>
        {spark && <Spark series={spark} level={level} />}
        {worst && (
          <span class="worst">
            <Foreign text={worst.summary} />
          </span>
        )}
      </a>
    </li>
  );
}
