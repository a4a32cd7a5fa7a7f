import { useEffect, useState } from 'preact/hooks';
import type { SeriesJson, ServiceJson } from '../../src/bot/contract.ts';
import { get } from '../live/api.ts';
import { age } from '../live/clock.ts';
import { Chart } from '../parts/chart.tsx';
import { Level } from '../parts/level.tsx';
import { Foreign } from '../parts/text.tsx';
import { Findings } from './findings.tsx';

const WINDOWS = ['10m', '2h', '24h'] as const;

/** One service or host: its figures, its line to read values off, what its checks say. */
export function ServicePage({ service }: { readonly service: ServiceJson }) {
  const { name, spark } = service;
  const [span, setSpan] = useState<(typeof WINDOWS)[number]>('10m');
  const [series, setSeries] = useState<SeriesJson | null>(null);
  const metric = spark?.metric;
  useEffect(() => {
    setSeries(null);
    if (!metric || span === '10m') return;
    let wanted = true;
    get<SeriesJson>(
      `/api/readings?metric=${encodeURIComponent(metric)}&target=${encodeURIComponent(name)}&window=${span}`,
    )
      .then((found) => wanted && setSeries(found))
      .catch(() => undefined);
    return () => {
      wanted = false;
    };
  }, [name, metric, span]);
  const shown = span === '10m' ? spark : (series ?? spark);
  const old = age(service.at, service.intervalMs);
  return (
    <article class="thread service-page">
      <header class="thread-head">
        <p class="since">
          <Level level={service.level} />
          <span class="muted">
            {service.kind} on {service.on.join(', ') || 'no host'}
            {old && ` · ${old}`}
          </span>
        </p>
        <h2>{name}</h2>
      </header>
      <p>{service.figures ? <Foreign text={service.figures} /> : 'No figures yet.'}</p>
      {shown && (
        <>
          <div class="actions" role="group" aria-label="Time shown">
            {WINDOWS.map((one) => (
              <button
                key={one}
                type="button"
                class="small"
                aria-pressed={one === span}
                onClick={() => setSpan(one)}
              >
                {one}
              </button>
            ))}
          </div>
          <Chart title={shown.metric} series={shown} />
        </>
      )}
      <Findings findings={service.findings} />
      {service.findings.length === 0 && service.level !== 'unwatched' && (
        <p class="empty">Its checks show here after the first two samples.</p>
      )}
    </article>
  );
}
