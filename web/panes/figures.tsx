import type { StatusJson } from '../../src/bot/contract.ts';
import { figure } from '../../src/message/figures.ts';
import { age } from '../live/clock.ts';
import { Shape } from '../parts/level.tsx';

const ROUND_MS = 5000;
/** Above this share of failed requests the figure carries a mark; visitors have no other limit for errors. */
const ERRORS_SHOWN = 0.005;

interface Figure {
  readonly name: string;
  readonly value: string;
  /** Where there is something to be above. */
  readonly level?: 'ok' | 'warn' | 'critical';
  readonly limit?: string;
}

/** What visitors feel: the same three figures on the bar, on a phone and on the wall, in places that do not move. */
export function VisitorFigures({ status }: { readonly status: StatusJson }) {
  const { visitors } = status;
  if (!visitors)
    return <p class="muted small no-visitors">Visitors are not seen: no cache or balancer is watched.</p>;
  const old = age(visitors.at, ROUND_MS);
  return (
    <dl class="figures">
      {figuresOf(visitors).map((one) => (
        <div key={one.name}>
          <dt>{one.name}</dt>
          <dd>
            {one.level && <Shape level={one.level} size={12} />}
            <span class="value">{one.value}</span>
            {one.limit && <span class="limit">{one.limit}</span>}
          </dd>
        </div>
      ))}
      {old && (
        <div class="old">
          <dt>age</dt>
          <dd>{old}</dd>
        </div>
      )}
    </dl>
  );
}

function figuresOf({ p95, errorShare, requests, limit }: NonNullable<StatusJson['visitors']>): Figure[] {
  return [
    {
      name: 'p95',
      value: figure(p95, 's'),
      ...(p95 === null ? {} : { level: p95 > limit ? ('critical' as const) : ('ok' as const) }),
      limit: `limit ${figure(limit, 's')}`,
    },
    {
      name: 'errors',
      value: figure(errorShare, 'share'),
      ...(errorShare === null
        ? {}
        : { level: errorShare > ERRORS_SHOWN ? ('warn' as const) : ('ok' as const) }),
    },
    { name: 'requests', value: figure(requests, '/s') },
  ];
}
