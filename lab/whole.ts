import type { Lab } from './lab.ts';
import type { Part } from './plan.ts';
import { answers, until } from './run.ts';

/** What shows that the servers of a part work together. */
const SIGNS: Readonly<Record<Part, (lab: Lab) => Promise<boolean>>> = {
  web: (lab) => answers(`http://${lab.address('web1')}/order/1`),
  postgres: async (lab) =>
    (await lab.psql('db1', "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")) === '1',
  // Being a role of the lab shows that the passwords have arrived.
  mysql: async (lab) => {
    const replica = await lab
      .mariadb('my2', 'SELECT COUNT(*) FROM invoice', { role: 'warroom' })
      .catch(() => '');
    return replica !== '';
  },
  cache: async (lab) => {
    const versions = ['cache1', 'cache2'].map((host) => lab.memcached(host, 'version'));
    return (await Promise.all(versions)).every((line) => line.startsWith('VERSION'));
  },
  // A worker listens to its own box at the broker.
  tasks: async (lab) =>
    (await lab.redis('SMEMBERS', '_kombu.binding.celery.pidbox')).includes('celery@worker1'),
};

/** Waits until each part that is up does what it is there for. */
export async function waitUntilWhole(lab: Lab): Promise<void> {
  const waits = lab.state.parts.map((part) =>
    until(`part ${part} as a whole`, () => SIGNS[part](lab), 30_000, 200),
  );
  await Promise.all(waits);
}
