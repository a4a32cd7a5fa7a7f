import { startProducer } from '../../../lab/faults/task-producer.ts';
import type { Lab } from '../../../lab/index.ts';
import { pause } from '../../proof.ts';
import type { LabRow, Row } from '../row.ts';

const COUNTED_MS = 8_000;
/** Tasks' ends are listened to for a minute, and counted every 10 s. */
const A_MINUTE_S = 110;

export const CELERY_ROWS: readonly Row[] = [
  {
    check: 'celery.failures',
    parts: ['tasks'],
    // Failed tasks are forgotten by the share of those that succeed after them.
    fault: besideGoodTasks('celery-failures'),
    clearsWithin: A_MINUTE_S,
    evidence: [/payment\.capture/, /Refused/, /shoptasks\.py/, /celery@worker1/, /deploy/],
    figure: async (lab, { value = Number.NaN }) => {
      const { failed, ended } = await endedInLog(lab);
      const share = failed / ended;
      return {
        right: Math.abs(value - share) <= 0.1,
        says: `${failed} of the ${ended} tasks that the worker's log saw end in a minute failed`,
      };
    },
  },
  {
    check: 'celery.backlog',
    parts: ['tasks'],
    fault: 'celery-backlog',
    // Once the rate of done tasks is known too.
    mine: ({ unit }) => unit === 's',
    evidence: [/catalogue\.import/, /grows by/, /worker1 \(CPU|There is room|worker2, which is a spare/],
    figure: async (lab, _finding, bot) => {
      const before = await total(lab);
      const waiting = Number(await lab.redis('LLEN', 'celery'));
      const finding = (await bot.findings()).find(({ check }) => check === 'celery.backlog');
      await pause(COUNTED_MS);
      const after = await total(lab);
      const done = (after.tasks - before.tasks) / ((after.at - before.at) / 1000);
      const wait = waiting / done;
      return {
        right: finding?.unit === 's' && Math.abs((finding.value ?? 0) / wait - 1) <= 0.3,
        says: `LLEN ${waiting}, inspect stats ${done.toFixed(1)} done a second: ${wait.toFixed(0)} s to wait, the finding says ${finding?.value?.toFixed(0)} s`,
      };
    },
  },
  {
    check: 'celery.workers',
    parts: ['tasks'],
    fault: 'celery-worker-frozen',
    host: 'worker1',
    evidence: [/celery@worker1/, /silent/, /state T/],
    figure: async (lab, { value }) => {
      const answer = await celery(lab, 'inspect', 'ping', '-t', '2');
      const states = await lab.exec('worker1', [
        'sh',
        '-c',
        "ps -o stat= -p $(pgrep -o -f 'celery -A shoptasks worker')",
      ]);
      return {
        right: value === 0 && /No nodes replied/.test(answer) && /^T/.test(states),
        says: `celery inspect ping: ${answer.trim().split('\n').at(-1)}; ps: ${states.trim()}`,
      };
    },
  },
] satisfies LabRow[];

/** A fault while other tasks go on as always; they end by themselves. */
function besideGoodTasks(name: string) {
  return {
    name,
    on: async (lab: Lab) => {
      const task = { name: 'mail.confirmation', args: [1], perSecond: 2, seconds: 240 };
      await startProducer(lab, 'mail-producer', task);
      await lab.fault(name, true);
    },
    off: (lab: Lab) => lab.fault(name, false),
  };
}

/** What the command line tool prints on the worker's host. */
function celery(lab: Lab, ...words: readonly string[]): Promise<string> {
  const script = `set -a; . /srv/shop.env; set +a
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
cd /srv && celery -A shoptasks ${words.join(' ')} 2>&1 || true`;
  return lab.exec('worker1', ['sh', '-c', script]);
}

/** Tasks that the workers have taken up since their start. */
async function total(lab: Lab): Promise<{ tasks: number; at: number }> {
  const text = await celery(lab, 'inspect', 'stats', '-j', '-t', '2');
  const at = Date.now();
  const nodes = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Readonly<
    Record<string, { readonly total: Readonly<Record<string, number>> }>
  >;
  const counts = Object.values(nodes).flatMap((node) => Object.values(node.total));
  return { tasks: counts.reduce((sum, count) => sum + count, 0), at };
}

/** How tasks ended in the last minute, by the worker's log. */
async function endedInLog(lab: Lab): Promise<{ failed: number; ended: number }> {
  const log = await lab.exec('worker1', ['tail', '-n', '4000', '/var/log/celery/worker.log']);
  let [failed, ended] = [0, 0];
  for (const line of log.split('\n')) {
    const [, at = '', how] = /^\[([\d-]+ [\d:]+),\d+: .*\] Task \S+ (succeeded in|raised)/.exec(line) ?? [];
    if (how === undefined || Date.now() - Date.parse(`${at}Z`) > 60_000) continue;
    ended += 1;
    if (how === 'raised') failed += 1;
  }
  return { failed, ended };
}
