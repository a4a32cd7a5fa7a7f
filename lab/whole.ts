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
  cache: async () => true,
  tasks: async () => true,
};

/** Waits until each part that is up does what it is there for. */
export async function waitUntilWhole(lab: Lab): Promise<void> {
  const waits = lab.state.parts.map((part) =>
    until(`part ${part} as a whole`, () => SIGNS[part](lab), 30_000, 200),
  );
  await Promise.all(waits);
}
