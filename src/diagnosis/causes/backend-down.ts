import { addServer } from '../app.ts';
import { defineCause } from '../contract.ts';
import { bad, frontSymptoms, wouldCover } from '../findings.ts';

/** A server that the proxy took out: everything in front has less room. */
export const backendDown = defineCause({
  id: 'backend-down',
  question: 'Is an application server down?',
  suspects: (context) =>
    [...new Set(bad(context, ['haproxy.backends']).map((finding) => finding.target))].map((target) => ({
      target,
    })),
  explain: ({ target }, context) => {
    const down = bad(context, ['haproxy.backends'], target);
    if (down.length === 0) return undefined;
    const names = down.map((finding) => finding.subject ?? finding.target);
    const app = context.stack
      .below(target)
      .find((name) => context.stack.services.get(name)?.kind === 'uwsgi');
    const silent = app
      ? context.seen
          .findings()
          .filter(
            (finding) =>
              finding.target === app &&
              finding.level === 'unknown' &&
              finding.subject &&
              names.includes(finding.subject),
          )
      : [];
    const cutOff = context.seen
      .findings()
      .filter(
        ({ check, level, subject }) =>
          check === 'self.connectivity' && level === 'critical' && subject && names.includes(subject),
      );
    const add = app ? addServer(context, app) : undefined;
    return {
      cause: 'backend-down',
      target,
      confidence: silent.length + cutOff.length > 0 ? 'sure' : 'likely',
      score: 0.8,
      title:
        cutOff.length === names.length
          ? `${names.join(', ')} cannot be reached`
          : `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} down`,
      summary: `${down.map((finding) => finding.summary).join(' ')}${cutOff.length > 0 ? ` Warroom cannot reach ${cutOff.map((one) => one.subject).join(', ')} either: the host or its network is gone.` : silent.length > 0 ? ' Its own statistics do not answer either: the application there is not running.' : ' Its workers still answer their statistics: the health check fails, the process lives.'}`,
      ruledOut: [],
      covers: [
        ...wouldCover(['haproxy.backends', 'haproxy.errors', 'haproxy.queue'], [target]),
        ...(app ? frontSymptoms(context, app) : []),
        ...names.flatMap((name) => wouldCover(['host.load'], [name])),
      ],
      evidence: down.flatMap((finding) => finding.evidence),
      proposals: add ? [add] : [],
      byHand:
        cutOff.length > 0
          ? `Look at the machine and the network of ${names.join(', ')}.`
          : `On ${names.join(', ')}: look at the application's log and start it again (systemctl status uwsgi; systemctl start uwsgi).`,
    };
  },
});
