import { defineSystem } from '../contract.ts';
import { backends, errors, queue } from './checks.ts';
import { collectHaproxy } from './collect.ts';
import type { HaproxyFacts } from './facts.ts';
import { isTakenOut, measureHaproxy } from './measure.ts';
import { views } from './views.ts';

export type { HaproxyFacts, ServerRow } from './facts.ts';

export const haproxy = defineSystem<HaproxyFacts>({
  id: 'haproxy',
  watches: 'haproxy',
  collectors: [{ id: 'stats', everySeconds: 5, collect: collectHaproxy, measure: measureHaproxy }],
  checks: [backends, errors, queue],
  views,
  serves(instances, stack) {
    const behind = stack
      .of('uwsgi')
      .filter((app) => stack.above(app.name).some((name) => stack.services.get(name)?.kind === 'haproxy'));
    const places = behind.flatMap((app) =>
      stack.hostsOf(app.name, true).map((host) => ({ service: app.name, host })),
    );
    return instances
      .flatMap((one) => one.facts.servers ?? [])
      .filter((server) => !isTakenOut(server))
      .flatMap(
        (server) =>
          // A team names servers after hosts, or gives their addresses; the name says more.
          places.find(({ host }) => host === server.name) ??
          places.find(({ host }) => stack.hosts.get(host)?.address === server.address) ??
          [],
      );
  },
  figures(instances) {
    const sum = (metric: string) => instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
    return `${sum('haproxy.servers_up')} of ${sum('haproxy.servers')} up, queue ${sum('haproxy.queue')}`;
  },
});
