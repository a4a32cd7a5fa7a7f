import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { SeriesJson } from '../../src/bot/contract.ts';
import { figure } from '../../src/message/figures.ts';
import { clock, zoneName } from '../live/clock.ts';

const HEIGHT = 200;

/** A series to read values off: limit dashed, changes as ticks from the axis. The same is beside it in words. */
export function Chart({
  series,
  title,
}: {
  readonly series: Omit<SeriesJson, 'target'>;
  readonly title: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plotted = useRef<uPlot>(null);
  const newest = useRef(series);
  newest.current = series;
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const plot = new uPlot(optionsOf(newest, place.clientWidth), dataOf(newest.current), place);
    plotted.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
    resized.observe(place);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [series.metric]);
  // New points move the line; where somebody points stays.
  useEffect(() => plotted.current?.setData(dataOf(series)), [series]);
  const last = series.points.at(-1);
  return (
    <figure class="chart">
      <figcaption>
        {title} <strong>{figure(last?.[1], series.unit)}</strong>
        {series.limit !== undefined && <span class="muted"> limit {figure(series.limit, series.unit)}</span>}
      </figcaption>
      <div ref={box} role="img" aria-label={`${title}: ${figure(last?.[1], series.unit)}`} />
      {series.changes.length > 0 && (
        <ul class="small muted">
          {series.changes.map((change) => (
            <li key={change.at}>
              {clock(change.at)} {change.what}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

function dataOf({ points }: Pick<SeriesJson, 'points'>): uPlot.AlignedData {
  return [points.map(([at]) => at / 1000), points.map(([, value]) => value)];
}

type Newest = { readonly current: Omit<SeriesJson, 'target'> };

function optionsOf(newest: Newest, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const font = `13px ${colour('--font')}`;
  const axis = {
    stroke: colour('--muted'),
    font,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zoneName()),
    cursor: { y: false },
    scales: {
      y: {
        range: (_plot, low, high) => [
          Math.min(0, low),
          Math.max(high, newest.current.limit ?? high) * 1.1 || 1,
        ],
      },
    },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => clock(tick * 1000, false)), space: 72 },
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => figure(tick, newest.current.unit)), size: 64 },
    ],
    series: [{}, { stroke: colour('--accent'), width: 2, points: { show: false } }],
    hooks: { draw: [(plot) => marks(plot, newest.current, colour)] },
  };
}

function marks(plot: uPlot, series: Omit<SeriesJson, 'target'>, colour: (name: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.strokeStyle = colour('--critical');
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  if (series.limit !== undefined)
    stroke(
      ctx,
      [bbox.left, plot.valToPos(series.limit, 'y', true)],
      [bbox.left + bbox.width, plot.valToPos(series.limit, 'y', true)],
    );
  ctx.setLineDash([]);
  ctx.strokeStyle = colour('--muted');
  for (const change of series.changes) {
    const x = plot.valToPos(change.at / 1000, 'x', true);
    if (x >= bbox.left) stroke(ctx, [x, bbox.top], [x, bbox.top + bbox.height]);
  }
  ctx.restore();
}

function stroke(
  ctx: CanvasRenderingContext2D,
  from: readonly [number, number],
  to: readonly [number, number],
): void {
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}
