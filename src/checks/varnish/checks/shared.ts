import { z } from 'zod';
import type { Evidence, HistoryView, InstanceView } from '../../contract.ts';
import { mean } from '../../rate.ts';
import type { GroupRow, Tally, UrlRow, VarnishFacts } from '../facts.ts';

export const minimumRequests = z
  .number()
  .min(0)
  .default(120)
  .describe('Requests a minute; a share of fewer says little (the stock alerts of web servers begin here).');

export const windowSeconds = z
  .number()
  .min(10)
  .max(600)
  .default(30)
  .describe('Seconds looked back: six rounds, so that one burst says nothing.');

type Instances = readonly InstanceView<VarnishFacts>[];

/** Mean over the window, all instances summed; the newest figures while there is no history. */
export function over(
  input: { readonly history: HistoryView; readonly target: string; readonly instances: Instances },
  metric: string,
  seconds: number,
): number | undefined {
  const past = mean(input.history.series({ metric, target: input.target, windowMs: seconds * 1000 }));
  if (past !== undefined) return past;
  const now = input.instances.flatMap((one) => one.value(metric) ?? []);
  return now.length > 0 ? now.reduce((sum, value) => sum + value, 0) : undefined;
}

export function thin(summary: string) {
  return { level: 'ok' as const, basis: 'thin' as const, summary };
}

export function urls(instances: Instances): UrlRow[] {
  return instances.flatMap((one) => one.facts.log?.urls ?? []);
}

export function groups(instances: Instances): GroupRow[] {
  return instances.flatMap((one) => one.facts.log?.groups ?? []);
}

export function total(
  rows: readonly Tally[],
  key: 'backendRequests' | 'backendSeconds' | 'requests',
): number {
  return rows.reduce((sum, row) => sum + row[key], 0);
}

/** URLs that reach the application, the dearest first, with what keeps each out of the cache. */
export function missTable(rows: readonly UrlRow[], title: string, all: readonly Tally[]): Evidence[] {
  if (rows.length === 0) return [];
  const requests = total(all, 'backendRequests');
  const seconds = total(all, 'backendSeconds');
  return [
    {
      kind: 'table',
      title,
      columns: [
        { name: 'URL' },
        { name: 'status' },
        { name: 'to app' },
        { name: 'of requests', unit: 'share' },
        { name: 'of time', unit: 'share' },
        { name: 'reason' },
        { name: 'Cache-Control' },
        { name: 'Vary' },
      ],
      rows: rows
        .slice(0, 8)
        .map((row) => [
          row.method === 'GET' ? row.path : `${row.method} ${row.path}`,
          row.status,
          row.backendRequests,
          requests > 0 ? row.backendRequests / requests : null,
          seconds > 0 ? row.backendSeconds / seconds : null,
          row.setCookie && row.reason !== 'set-cookie' ? `${row.reason}, sets a cookie` : row.reason,
          row.cacheControl ?? '',
          row.vary ?? '',
        ]),
    },
  ];
}

/** `/cart*` as the config writes it: a trailing star is any rest. */
export function matches(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}
