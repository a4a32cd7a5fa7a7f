import { addServer, appLine, appState, pressed } from '../app.ts';
import { defineCause } from '../contract.ts';
import { bad, frontSymptoms } from '../findings.ts';

const SIGNS = ['uwsgi.busy', 'uwsgi.queue', 'uwsgi.response-time', 'haproxy.queue'];

/** More work than the workers can do, with nothing below them that makes them wait. */
export const appOverload = defineCause({
  id: 'app-overload',
  question: 'Is the application itself too busy, with nothing behind it that makes it wait?',
  suspects: (context) =>
    context.stack
      .of('uwsgi')
      .filter(
        (app) =>
          pressed(appState(context, app.name)) &&
          (bad(context, SIGNS, app.name).length > 0 ||
            bad(context, SIGNS, appState(context, app.name).proxy ?? '').length > 0),
      )
      .map((app) => ({ target: app.name })),
  explain: ({ target }, context) => {
    const state = appState(context, target);
    const { stack } = context;
    const hosts = stack.hostsOf(target);
    const cpu = hosts.flatMap((name) => {
      const busy = context.seen.history.latest({ metric: 'host.cpu_busy', target: name })?.value;
      const cores = context.seen.history.latest({ metric: 'host.cores', target: name })?.value;
      return busy !== undefined && cores ? [busy / cores] : [];
    });
    // On hosts that share a kernel the CPU figure is the machine's and says nothing of one host.
    const shared = hosts.some((name) => stack.hosts.get(name)?.sharedKernel);
    const full = cpu.length > 0 && cpu.reduce((a, b) => a + b, 0) / cpu.length > 0.8;
    const kind =
      shared || cpu.length === 0
        ? 'worker- or CPU-bound (not told apart here)'
        : full
          ? 'CPU-bound'
          : 'worker-bound, with CPU to spare';
    const add = addServer(context, target);
    const mean =
      state.meanSeconds === undefined ? '' : `, ${Math.round(state.meanSeconds * 1000)} ms a request`;
    return {
      cause: 'app-overload',
      target,
      confidence: 'likely',
      score: 0.5,
      title: 'Application overloaded',
      summary: `${appLine(state)} at ${Math.round(state.requests)} requests/s${mean}: ${kind}.`,
      ruledOut: [],
      settle: 'The slow URLs below, or a shorter mean time with another server, would settle it.',
      covers: frontSymptoms(context, target),
      evidence: inFlight(
        context.seen.facts<{ inFlight: readonly { path: string; count: number; longestSeconds: number }[] }>(
          target,
        ),
      ),
      proposals: add ? [add] : [],
      ...(add
        ? {}
        : {
            byHand: `No spare is left in the config. Give ${target} more workers where CPU is free (uWSGI: echo + > the master FIFO), or another server.`,
          }),
    };
  },
});

function inFlight(
  facts: ReadonlyMap<
    string,
    { inFlight?: readonly { path: string; count: number; longestSeconds: number }[] }
  >,
) {
  const rows = [...facts].flatMap(([host, { inFlight: running }]) =>
    (running ?? []).map((row) => [host, row.path, row.count, row.longestSeconds] as const),
  );
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table' as const,
      title: 'What the workers are doing',
      columns: [
        { name: 'host' },
        { name: 'URL' },
        { name: 'workers' },
        { name: 'longest', unit: 's' as const },
      ],
      rows: rows.sort((a, b) => b[2] - a[2]).slice(0, 8),
    },
  ];
}
