import { WarroomError } from '../../errors/catalogue.ts';
import { type Command, sh } from '../../targets/command.ts';
import type { Output } from '../../targets/contract.ts';
import type { CollectContext, Place } from '../contract.ts';

/** What `varnishd -n` was given, when not the default. */
export function instanceOf(place: Place): string | undefined {
  return place.service && place.stack.service(place.service.name, 'varnish')?.config.instance;
}

/**
 * `-t 0`: without it the tools wait 5 s for a varnishd that is not there. Newer releases are called Vinyl Cache
 * and name their tools so.
 */
export function countersCommand(place: Place): Command {
  const name = instanceOf(place);
  return name === undefined
    ? withFreshGroup(sh`$(command -v varnishstat || command -v vinylstat || echo varnishstat) -t 0 -j`)
    : withFreshGroup(
        sh`$(command -v varnishstat || command -v vinylstat || echo varnishstat) -t 0 -j -n ${name}`,
      );
}

export interface LogOptions {
  readonly seconds: number;
  readonly perSecond: number;
  readonly format: string;
  /** JSON-compatible escapes, from 7.0 on. */
  readonly json: boolean;
}

/** A bounded window of the log: ended by `timeout`, with a limit of records a second. */
export function logCommand(place: Place, { seconds, perSecond, format, json }: LogOptions): Command {
  const name = instanceOf(place);
  const limit = `${perSecond}/1s`;
  const mode = json ? '-bcj' : '-bc';
  const command =
    name === undefined
      ? sh`timeout ${seconds} $(command -v varnishncsa || command -v vinylncsa || echo varnishncsa) -t 0 ${mode} -R ${limit} -F ${format}`
      : sh`timeout ${seconds} $(command -v varnishncsa || command -v vinylncsa || echo varnishncsa) -t 0 ${mode} -R ${limit} -n ${name} -F ${format}`;
  return withFreshGroup(command);
}

/**
 * When a tool may not look (it ends with 1), tries again under the group varnish if the user was given it after
 * this session began: groups of a running session do not change, and a new one would need a new connection.
 */
export function withFreshGroup(command: Command): Command {
  const line = command.line;
  return sh`( sh -c ${line} 2>/dev/null; s=$?; [ $s = 1 ] || exit $s; case " $(id -nG) " in *" varnish "*) ;; *) if id -nG "$(id -un)" | grep -qw varnish; then exec sg varnish -c ${line}; fi;; esac; exec sh -c ${line} )`;
}

/** Why a tool of Varnish failed: it says the same words whether a right or varnishd itself is missing. */
export async function explainFailure(
  { place, target, signal }: CollectContext,
  tool: string,
  output: Output,
): Promise<WarroomError> {
  const problem = output.stderr
    .replace(/[\s.]+/g, ' ')
    .trim()
    .slice(0, 200);
  if (output.status === 127 || /not found/.test(problem))
    return new WarroomError('TARGET_UNREACHABLE', {
      target: `Varnish on ${target.name}`,
      problem: `${tool} is not installed there`,
      mend: 'It comes with the package varnish.',
    });
  const name = instanceOf(place) ?? '';
  const look = await target.read(
    sh`n=${name}; case "$n" in "") n=/var/lib/varnish/$(hostname); [ -d "$n" ] || n=/var/lib/varnish/varnishd;; /*) ;; *) n=/var/lib/varnish/$n;; esac; id -un; echo "$n"; if [ -d "$n/_.vsm_child" ]; then stat -c %G "$n/_.vsm_child"; [ -x "$n/_.vsm_child" ] && [ -r "$n/_.vsm_child" ] && echo open || echo closed; fi`,
    { signal },
  );
  const [user = 'warroom', folder = '', group, state] = look.stdout.trim().split('\n');
  if (group !== undefined && state === 'closed')
    return new WarroomError('NO_RIGHT', {
      target: place.target,
      what: 'read its counters',
      mend: `On ${target.name}: usermod -aG ${group} ${user}`,
    });
  return new WarroomError('TARGET_UNREACHABLE', {
    target: `Varnish on ${target.name}`,
    problem: problem || `${tool} ended with ${output.status}`,
    mend:
      group === undefined
        ? `Is varnishd running? Nothing of it is in ${folder}; if it was started with -n, set "instance".`
        : 'Is varnishd running?',
  });
}
