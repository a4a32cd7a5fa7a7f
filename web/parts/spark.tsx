import type { SeriesJson } from '../../src/bot/contract.ts';
import { figure } from '../../src/message/figures.ts';
import type { Shown } from './level.tsx';

const WIDTH = 120;
const HEIGHT = 28;
const PAD = 3;

/** A line of the last minutes: where the limit is (dashed), when something was changed (ticks), where it stands (dot). */
export function Spark({ series, level }: { readonly series: SeriesJson; readonly level: Shown }) {
  const { points, limit } = series;
  const last = points.at(-1);
  const first = points[0];
  if (!first || !last) return <span class="spark" />;
  const values = points.map(([, value]) => value);
  const low = Math.min(0, ...values);
  const high = Math.max(low + 1e-9, ...values, limit ?? Number.NEGATIVE_INFINITY) * 1.05;
  const span = Math.max(1, last[0] - first[0]);
  const x = (at: number) => PAD + ((at - first[0]) / span) * (WIDTH - 2 * PAD);
  const y = (value: number) => HEIGHT - PAD - ((value - low) / (high - low)) * (HEIGHT - 2 * PAD);
  const line = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const ticks = series.changes.filter((change) => change.at >= first[0] && change.at <= last[0]);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={spoken(series)}
    >
      {limit !== undefined && <line class="limit" x1={PAD} x2={WIDTH - PAD} y1={y(limit)} y2={y(limit)} />}
      {ticks.map((change) => (
        <line key={change.at} class="tick" x1={x(change.at)} x2={x(change.at)} y1={HEIGHT - 8} y2={HEIGHT}>
          <title>{change.what}</title>
        </line>
      ))}
      <polyline class="line" points={line} />
      <circle class={`dot ${level}`} cx={x(last[0])} cy={y(last[1])} r="2.5" />
    </svg>
  );
}

function spoken({ metric, points, unit, limit, changes }: SeriesJson): string {
  const last = points.at(-1);
  return [
    `${metric}: ${figure(last?.[1], unit)}`,
    ...(limit === undefined ? [] : [`limit ${figure(limit, unit)}`]),
    ...(changes.length ? [`${changes.length} changes`] : []),
  ].join(', ');
}
