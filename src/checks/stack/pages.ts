import type { Evidence, JudgeInput } from '../contract.ts';
import type { GroupRow, VarnishFacts } from '../varnish/index.ts';

const MOST = 6;

type Facts = JudgeInput<object, unknown>['facts'];

/**
 * Groups of URLs as the log of the service that visitors meet saw them: those that fail, the most first, or those that
 * take the application longest. Nothing where it keeps no such log.
 */
export function worstPages(entry: string, facts: Facts, which: 'fail' | 'take longest'): Evidence[] {
  const groups = new Map<string, Sums>();
  for (const { log } of facts?.<VarnishFacts>(entry).values() ?? [])
    for (const group of log?.groups ?? []) groups.set(group.group, added(groups.get(group.group), group));
  const weight = (one: Sums) => (which === 'fail' ? one.errors : one.backendSeconds);
  const rows = [...groups]
    .filter(([, sums]) => weight(sums) > 0)
    .sort(([, a], [, b]) => weight(b) - weight(a))
    .slice(0, MOST);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: `${which === 'fail' ? `What fails at ${entry}` : 'What takes the application longest'}, over the last minute`,
      columns: [
        { name: 'pages' },
        { name: 'requests' },
        { name: 'errors' },
        { name: 'time of the application for one', unit: 's' },
        { name: 'such as' },
      ],
      rows: rows.map(([group, sums]) => [
        group,
        sums.requests,
        sums.errors,
        sums.backendRequests > 0 ? sums.backendSeconds / sums.backendRequests : null,
        sums.example,
      ]),
    },
  ];
}

interface Sums {
  readonly requests: number;
  readonly errors: number;
  readonly backendRequests: number;
  readonly backendSeconds: number;
  readonly example: string;
}

function added(sums: Sums | undefined, group: GroupRow): Sums {
  return {
    requests: (sums?.requests ?? 0) + group.requests,
    errors: (sums?.errors ?? 0) + group.errors,
    backendRequests: (sums?.backendRequests ?? 0) + group.backendRequests,
    backendSeconds: (sums?.backendSeconds ?? 0) + group.backendSeconds,
    example: sums?.example ?? group.examples[0] ?? '',
  };
}
