import { managementUrl, rabbitmqUrl } from './addresses.ts';
import { writeConfig } from './config.ts';
import type { Lab } from './lab.ts';
import { ensure, RABBITMQ } from './packages.ts';
import { PATH, until } from './run.ts';
import { secretFile } from './secrets.ts';

const WORKER = 'rabbit-worker';
const HOST = 'worker1';

/** Whether the second broker is on. */
export function hasRabbitmq(lab: Lab): boolean {
  return lab.state.daemons.some((one) => one.name === WORKER);
}

/**
 * RabbitMQ on queue1 beside Redis, and on worker1 a second worker that takes its tasks from there; warroom.yaml gets a
 * service `mailtasks` of it. RangeError where tasks are not up.
 */
export async function switchRabbitmq(lab: Lab, on: boolean, say: (line: string) => void): Promise<void> {
  if (!lab.state.parts.includes('tasks'))
    throw new RangeError(`RabbitMQ needs tasks; this lab has ${lab.state.parts.join(', ')} only.`);
  if (!on) {
    await lab.stopDaemon(HOST, WORKER);
    await lab.stopServer('rabbitmq@queue1');
    await lab.exec('queue1', ['pkill', '-x', 'epmd']).catch(() => undefined);
    writeConfig(lab.place, {});
    return;
  }
  ensure(RABBITMQ, say);
  await lab.boosted('queue1', () => lab.startServer('rabbitmq@queue1'));
  // Words in another order than the usual worker's: each is found by its own.
  const argv = [
    'celery',
    '-q',
    '-A',
    'shoptasks',
    'worker',
    '-E',
    '-c',
    '1',
    '-n',
    'rabbit@worker1',
    '-l',
    'INFO',
  ];
  const env = {
    PATH,
    HOME: '/tmp',
    SHOP_BROKER: rabbitmqUrl(lab.place, 'shop'),
    PYTHONPATH: '/srv',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  await lab.boosted(HOST, async () => {
    await lab.daemon(HOST, WORKER, argv, { user: 'www-data', env });
    const log = `/var/log/${WORKER}.log`;
    await until(
      `the worker of RabbitMQ (its log is ${log} on ${HOST})`,
      async () => (await lab.exec(HOST, ['cat', log])).includes(' ready.'),
      40_000,
    );
  });
  writeConfig(lab.place, {
    mailtasks: {
      kind: 'celery',
      on: HOST,
      broker: secretFile(lab.root, 'rabbitmq', rabbitmqUrl(lab.place, 'warroom')),
      management: secretFile(lab.root, 'rabbitmq-management', managementUrl(lab.place)),
      queues: ['celery'],
    },
  });
}
