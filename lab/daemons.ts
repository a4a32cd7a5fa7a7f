import type { Lab } from './lab.ts';
import { until } from './run.ts';
import type { LabDaemon } from './state.ts';

export interface DaemonOptions {
  /** A user of the host; root when left out. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What marks a process as the daemon of that name: a pid alone may be another's by now. */
const MARK = 'LAB_DAEMON';

/**
 * Starts a long-running process inside a host, in a process group of its own; its output goes to /var/log/NAME.log
 * there. Gives the lab's record of it. The same name on the same host again replaces what ran.
 */
export async function startDaemon(
  lab: Lab,
  host: string,
  name: string,
  argv: readonly string[],
  options: DaemonOptions,
): Promise<LabDaemon> {
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new RangeError(`A daemon's name is a plain word, not "${name}".`);
  await stopDaemon(lab, host, name);
  const as = options.user === undefined ? '' : setpriv(options.user);
  const env = Object.entries({ ...options.env, [MARK]: name }).map(([key, value]) => `${key}=${value}`);
  const command = argv.map(quoted).join(' ');
  // The shell says its pid and becomes the process. What is in `env` must not show in a list of processes.
  const script = `set -e
me=/run/lab-daemon-${name}
rm -f $me
umask 077
cat >$me.sh <<'LAB_END'
umask 022
rm -f /run/lab-daemon-${name}.sh
printf '%s' $$ >/run/lab-daemon-${name}
${env.map((pair) => `export ${quoted(pair)}`).join('\n')}
exec ${as}${command} </dev/null >>/var/log/${name}.log 2>&1
LAB_END
setsid -f sh $me.sh
while [ ! -s $me ]; do sleep 0.02; done
cat $me
rm -f $me
`;
  const pid = Number(await lab.exec(host, ['sh', '-s'], { input: script }));
  return { host, name, pid };
}

/** Ends a daemon and all that it started, by its id; nothing when it has ended by itself. */
export async function stopDaemon(lab: Lab, host: string, name: string): Promise<void> {
  const found = lab.state.daemons.find((one) => one.host === host && one.name === name);
  if (!found) return;
  // Every process of the group carries the mark, also when its leader is gone.
  const left = async () =>
    (await lab.exec(host, ['sh', '-s'], { input: groupScript(found) })).trim().split(/\s+/).filter(Boolean);
  const kill = async (signal: string) => {
    const pids = await left();
    if (pids.length > 0) await lab.exec(host, ['kill', `-${signal}`, ...pids]).catch(() => undefined);
    return pids.length === 0;
  };
  if (await kill('TERM')) return;
  const asked = Date.now();
  await until(
    `the end of ${name} on ${host}`,
    () => kill(Date.now() - asked > 2_000 ? 'KILL' : 'CONT'),
    10_000,
  );
}

/** Prints the pids of the daemon's group. */
function groupScript({ name, pid }: LabDaemon): string {
  return `for p in $(pgrep -g ${pid}); do
  if grep -qFzx ${quoted(`${MARK}=${name}`)} /proc/$p/environ 2>/dev/null; then echo $p; fi
done
exit 0
`;
}

/** Not every user's group has its name. */
function setpriv(user: string): string {
  return `setpriv --reuid=${user} --regid=$(id -g ${user}) --clear-groups `;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
