import type { Lab } from '../lab.ts';
import { inParts } from '../plan.ts';
import { FIFO } from '../services/uwsgi.ts';
import type { Fault } from './fault.ts';

/** Application servers that serve; a spare that was added has the same files and is reloaded with them. */
export const badDeploy: Fault = {
  name: 'bad-deploy',
  summary: 'A release imports a module that is not there: after the reload every worker answers 500',
  parts: ['web'],
  on: (lab) => release(lab, true),
  off: (lab) => release(lab, false),
};

async function release(lab: Lab, broken: boolean): Promise<void> {
  lab.flag('bad-deploy', broken);
  const servers = inParts(lab.hosts, lab.state.parts).filter(
    ({ role, name }) => role === 'uwsgi' && lab.isUp(name),
  );
  await Promise.all(servers.map(({ name }) => lab.boosted(name, () => reload(lab, name))));
}

/** A fifo without a master behind it would hold the writer for ever. */
async function reload(lab: Lab, host: string): Promise<void> {
  const script = `[ -p ${FIFO} ] && pgrep -x uwsgi >/dev/null || exit 0
before=$(pgrep -x uwsgi | sort | head -c 2000)
timeout 3 sh -c 'printf r >${FIFO}'
for n in $(seq 150); do
  sleep 0.1
  now=$(pgrep -x uwsgi | sort | head -c 2000)
  [ "$now" != "$before" ] && [ $(echo "$now" | wc -l) -ge 2 ] && exit 0
done
echo "uWSGI on ${host} did not reload" >&2
exit 1
`;
  await lab.exec(host, ['sh', '-s'], { input: script });
}
