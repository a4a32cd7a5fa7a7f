import type { Lab } from '../lab.ts';

/** Where tasks are sent from besides the visitors' requests; it outlives this process. */
const HOST = 'worker1';

/** Sends a task so many times a second, as the site's own user, until `stopProducer`, or for some seconds. */
export function startProducer(
  lab: Lab,
  name: string,
  task: {
    readonly name: string;
    readonly args: readonly (number | boolean)[];
    readonly perSecond: number;
    readonly seconds?: number;
  },
): Promise<void> {
  const script = `set -a; . /srv/shop.env; set +a
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
cd /srv && exec python3 -u -c "$PRODUCER"`;
  return lab.daemon(HOST, name, ['sh', '-c', script], {
    env: {
      PRODUCER: PYTHON,
      PRODUCER_TASK: task.name,
      PRODUCER_ARGS: JSON.stringify(task.args),
      PRODUCER_RATE: String(task.perSecond),
      PRODUCER_SECONDS: String(task.seconds ?? 'inf'),
    },
  });
}

export function stopProducer(lab: Lab, name: string): Promise<void> {
  return lab.stopDaemon(HOST, name);
}

const PYTHON = `
import json, os, time
from shoptasks import app
task, args, rate, seconds = (os.environ["PRODUCER_" + name] for name in ("TASK", "ARGS", "RATE", "SECONDS"))
due = time.monotonic()
end = due + float(seconds)
while due < end:
    try:
        app.send_task(task, args=json.loads(args))
    except Exception as problem:
        print(problem)
    due = max(due + 1 / float(rate), time.monotonic() - 1)
    time.sleep(max(0, due - time.monotonic()))
`;
