import { z } from 'zod';
import { figure, lasted } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type JudgeInput } from '../../contract.ts';
import { byMemory, figures, type HostView, sharesKernel, thin } from '../evidence.ts';
import type { HostFacts } from '../facts.ts';

const Oom = z.strictObject({
  critical: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe('Processes killed; each one was work that somebody waited for.'),
  windowSeconds: z
    .number()
    .min(60)
    .max(7200)
    .default(1800)
    .describe('Seconds looked back: half an hour, as stock alerts do. It clears when that time is over.'),
});
type Oom = z.infer<typeof Oom>;

export const oom = defineCheck<HostFacts, Oom>({
  id: 'host.oom',
  question: 'Was a process killed for memory?',
  thresholds: Oom,
  needs: ['facts'],
  falseAlarm:
    'A job with a memory limit of its own that is meant to be killed when it meets it: raise "critical" on that host.',
  judge(input) {
    const { instances, target, stack, thresholds } = input;
    const shared = sharesKernel(stack, target);
    return instances.flatMap((view) => {
      const totals = [...(shared ? [] : ['kernel']), 'container'].flatMap((of) => {
        const total = view.value('host.oom_kills_total', { of });
        return total === undefined ? [] : [{ of, total }];
      });
      // Of hosts that share a kernel its counter is judged on one of them.
      if (totals.length === 0) return shared ? [] : [thin('This kernel does not count what it kills.')];
      const named = shared
        ? []
        : (view.facts.kills ?? []).filter((kill) => kill.secondsAgo <= thresholds.windowSeconds);
      const counted = totals.map(({ of, total }) => total - (earliest(input, view, of) ?? total));
      const value = Math.max(named.length, ...counted, 0);
      const bad = value >= thresholds.critical;
      const last = named.at(-1);
      const who = last
        ? `, the last one ${last.name} (process ${last.pid}) with ${figure(last.bytes, 'B')}, ${lasted(last.secondsAgo * 1000)} ago`
        : '';
      return [
        {
          level: bad ? 'critical' : 'ok',
          certain: bad,
          cleared: value === 0,
          summary: `${value === 0 ? 'No process was' : `${figure(value, 'count')} ${value === 1 ? 'process was' : 'processes were'}`} killed for memory in ${lasted(thresholds.windowSeconds * 1000)} (limit ${thresholds.critical})${who}.`,
          value,
          unit: 'count',
          threshold: thresholds.critical,
          evidence: bad ? [...killTable(view), memory(view), ...byMemory(view)] : [],
          ...(bad ? { advice: adviceFor(last?.why, view.facts.killsUnnamed === true) } : {}),
        } as const,
      ];
    });
  },
});

/** The total at the beginning of the window; after a reboot it began again at 0. */
function earliest({ history, target, thresholds }: JudgeInput<HostFacts, Oom>, view: HostView, of: string) {
  const query = { metric: 'host.oom_kills_total', target, instance: view.instance, labels: { of } };
  // Minutes are means: the newest ones are looked at sample by sample.
  const windows = [thresholds.windowSeconds * 1000, Math.min(thresholds.windowSeconds * 1000, NEWEST_MS)];
  const points = windows.flatMap((windowMs) => history.series({ ...query, windowMs }));
  return points.length > 0 ? Math.min(...points.map((point) => point.value)) : undefined;
}
const NEWEST_MS = 600_000;

function killTable(view: HostView): Evidence[] {
  const kills = view.facts.kills ?? [];
  if (kills.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'Killed',
      columns: [
        { name: 'pid' },
        { name: 'process' },
        { name: 'memory', unit: 'B' },
        { name: 'because of' },
        { name: 'ago', unit: 's' },
      ],
      rows: [...kills]
        .reverse()
        .slice(0, 8)
        .map((kill) => [String(kill.pid), kill.name, kill.bytes, kill.why, kill.secondsAgo]),
    },
  ];
}

function memory(view: HostView): Evidence {
  return figures(view, [
    ['memory', 'host.memory_total', 'B'],
    ['available', 'host.memory_available', 'B'],
    ['swap in use', 'host.swap_used', 'B'],
  ]);
}

function adviceFor(why: string | undefined, unnamed: boolean): string {
  const who = unnamed
    ? ' Who it was is in the kernel log, which Warroom may not read: usermod -aG adm with its user lets it read the journal.'
    : '';
  return why === 'limit of its group'
    ? `The limit of its unit or container was met, not the machine's: raise the limit, or find what grew.${who}`
    : `Start again what is missing, then fewer or smaller processes (uWSGI: fewer workers, reload-on-rss), or more memory.${who}`;
}
