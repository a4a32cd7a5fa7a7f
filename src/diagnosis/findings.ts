import type { Finding } from '../checks/contract.ts';
import type { ExplainContext } from './contract.ts';

/** Findings that are bad at this moment, of the checks named (all when none are), at a target when one is given. */
export function bad(context: ExplainContext, checks: readonly string[] = [], target?: string): Finding[] {
  return context.seen
    .findings()
    .filter(
      (finding) => (finding.level === 'warn' || finding.level === 'critical') && finding.basis === 'enough',
    )
    .filter((finding) => checks.length === 0 || checks.includes(finding.check))
    .filter((finding) => target === undefined || finding.target === target);
}

/** `check@target` of checks at targets, whether bad now or later: what a cause would explain. */
export function wouldCover(checks: readonly string[], targets: readonly string[]): string[] {
  return targets.flatMap((target) => checks.map((check) => `${check}@${target}`));
}

/** Everything that suffers in front of an application that cannot keep up. */
export function frontSymptoms(context: ExplainContext, app: string): string[] {
  const { stack } = context;
  const above = [...upward(stack, app)];
  const kinds = (kind: string) => above.filter((name) => stack.services.get(name)?.kind === kind);
  return [
    ...wouldCover(['uwsgi.busy', 'uwsgi.queue', 'uwsgi.response-time', 'uwsgi.errors'], [app]),
    ...wouldCover(['haproxy.queue', 'haproxy.errors', 'haproxy.backends'], kinds('haproxy')),
    ...wouldCover(['varnish.errors', 'varnish.backends', 'varnish.threads'], kinds('varnish')),
    'stack.visitors@stack',
    ...wouldCover(['host.load', 'host.pinned-core', 'host.backlog'], stack.hostsOf(app, true)),
    // A load average shared by all hosts of one kernel is judged on one of them, wherever that stands.
    ...wouldCover(['host.load'], sharedGroup(context, app)),
  ];
}

function* upward(stack: ExplainContext['stack'], name: string, seen = new Set<string>()): Generator<string> {
  for (const above of stack.above(name)) {
    if (seen.has(above)) continue;
    seen.add(above);
    yield above;
    yield* upward(stack, above, seen);
  }
}

function sharedGroup({ stack }: ExplainContext, app: string): string[] {
  const shared = stack.hostsOf(app, true).some((name) => stack.hosts.get(name)?.sharedKernel);
  return shared
    ? [...stack.hosts.values()].filter((host) => !host.sharedKernel).map((host) => host.name)
    : [];
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
