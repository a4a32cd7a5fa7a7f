import { milliseconds } from '../../config/schema.ts';
import { own, say, time } from '../../message/build.ts';
import { cut } from '../../message/plain.ts';
import { decide } from '../../people/person.ts';
import { answer, problem } from './answer.ts';
import type { Command } from './contract.ts';

const MOST_MS = 24 * 3_600_000;
const MOST_REASON = 200;

export const silence: Command = {
  name: 'silence',
  short: [],
  summary: 'No new incidents of a check, a target or an incident, for a while',
  example: 'silence host.load@web1 30m "load test"',
  arguments: [
    {
      name: 'scope',
      about: "CHECK, CHECK@TARGET, @TARGET, an incident's number, or all",
      kind: 'word',
      required: true,
      choices: (desk) => [
        'all',
        ...desk.incidents('open').map((one) => one.id),
        ...new Set(desk.seen.findings().map((finding) => `${finding.check}@${finding.target}`)),
      ],
    },
    {
      name: 'time',
      about: 'how long, at most 24h',
      kind: 'duration',
      required: true,
      choices: () => ['15m', '1h', '4h'],
    },
    { name: 'reason', about: 'why', kind: 'text', required: true },
  ],
  flags: [],
  needs: 'operate',
  run: async ({ args }, asker, desk) => {
    const lasts = milliseconds(args['time'] ?? '');
    if (!(lasts > 0 && lasts <= MOST_MS))
      return problem('BAD_ARGUMENT', { command: 'silence', problem: 'a silence lasts at most 24h.' });
    const why = cut((args['reason'] ?? '').trim(), MOST_REASON);
    if (why === '') return problem('BAD_ARGUMENT', { command: 'silence', problem: 'say why.' });
    const scopes = scopesOf(args['scope'] ?? '', desk);
    if (scopes.length === 0)
      return problem('BAD_ARGUMENT', {
        command: 'silence',
        problem: `"${args['scope']}" is no check, target or incident.`,
      });
    if (scopes.some((scope) => scope.startsWith('self.') || scope === '@self'))
      return problem('BAD_ARGUMENT', {
        command: 'silence',
        problem: 'what Warroom says of itself cannot be silenced.',
      });
    if (scopes.includes('all')) {
      const allowed = decide(asker.identity, 'approve', desk.config);
      if (!allowed.allowed) {
        desk.refused(asker.identity, 'silence', args);
        return problem('NOT_ALLOWED', {
          what: 'silence everything',
          rights: allowed.person.rights.join(', ') || 'none',
          mend: allowed.mend,
        });
      }
    }
    const until = desk.now() + lasts;
    for (const scope of scopes) await desk.silence(scope, until, asker.name, why);
    return answer(
      say`Silenced until ${time(until, false)}: ${scopes.join(', ')}. ${own('Open incidents stay; status shows the silence.')}`,
    );
  },
};

function scopesOf(typed: string, desk: Parameters<Command['run']>[2]): string[] {
  if (/^#?\d+$/.test(typed))
    return (
      desk
        .incident(typed.replace('#', ''))
        ?.findings.map((finding) => `${finding.check}@${finding.target}`) ?? []
    );
  if (typed === 'all') return ['all'];
  const known = desk.seen.findings();
  return known.some((finding) =>
    [finding.check, `@${finding.target}`, `${finding.check}@${finding.target}`].includes(typed),
  )
    ? [typed]
    : [];
}
