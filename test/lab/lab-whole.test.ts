import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { downLab, type Lab, labStatus, PARTS, switchRabbitmq, until, upLab } from '../../lab/index.ts';
import { loadConfig } from '../../src/config/load.ts';
import { newRoot, prepareLab, sayWhySkipped, tracesOf, withoutLab } from './lab-support.ts';

sayWhySkipped();

describe.skipIf(withoutLab !== undefined)('the whole lab', { timeout: 120_000 }, () => {
  const root = newRoot();
  let lab: Lab;

  beforeAll(async () => {
    prepareLab(PARTS);
    lab = await upLab({ root });
  }, 600_000);

  afterAll(async () => {
    await downLab(root);
  }, 30_000);

  const get = (path: string, method = 'GET') => fetch(`${labStatus(root).public}${path}`, { method });
  const workerLog = () => lab.exec('worker1', ['cat', '/var/log/celery/worker.log']);

  test('has a config of every service, with what the application uses', () => {
    const { config, stack } = loadConfig(join(root, 'warroom.yaml'));
    expect(Object.keys(config.services)).toEqual([
      'edge',
      'balancer',
      'app',
      'pool',
      'shopdb',
      'crmdb',
      'cache',
      'tasks',
    ]);
    expect(stack.below('app')).toEqual(['pool', 'crmdb', 'cache', 'tasks']);
    expect(stack.below('pool')).toEqual(['shopdb']);
    expect(Object.keys(labStatus(root).services)).toEqual(
      expect.arrayContaining(Object.keys(config.services)),
    );
  });

  test('answers from every server that the application uses', async () => {
    expect(await (await get('/order/17')).text()).toContain('Customer 17');
    expect(await lab.psql('db1', 'SELECT DISTINCT application_name FROM pg_stat_activity')).toContain('shop');
    expect(await (await get('/myorder/17')).text()).toContain('Invoice over 17.00');
    expect((await get('/frag/3')).status).toBe(200);
    const items = await Promise.all(
      ['cache1', 'cache2'].map(
        async (host) => /curr_items (\d+)/.exec(await lab.memcached(host, 'stats'))?.[1],
      ),
    );
    for (const count of items) expect(Number(count), `items ${items}`).toBeGreaterThan(0);
    const read = await Promise.all(['cache1', 'cache2'].map((host) => lab.memcached(host, 'get menu:main')));
    expect(read.join()).toContain('VALUE menu:main');
  });

  test('gives what is bought and what is asked for to a worker', async () => {
    expect(await (await get('/buy/3', 'POST')).text()).toContain('Bought');
    expect(await (await get('/enqueue?n=2')).text()).toContain('2 sent');
    expect(await (await get('/enqueue?n=1&fail=1')).text()).toContain('1 sent');
    await until('the tasks', async () => {
      const log = await workerLog();
      return (
        /mail\.confirmation\[.*succeeded/.test(log) &&
        (log.match(/stock\.recount\[.*succeeded/g) ?? []).length === 2 &&
        /payment\.capture\[.*raised unexpected/.test(log)
      );
    });
  });

  test('keeps its visitors well', async () => {
    await lab.traffic(lab.defaultRate, 60);
    await until(
      'visitors of every kind',
      () => Object.keys(lab.report()?.classes ?? {}).length >= 10,
      30_000,
    );
    await until('a warm cache', () => (lab.report()?.hitShare ?? 0) > 0.8, 60_000);
    // Another program may take the machine for a moment: once well is enough.
    await until('a good p95', () => (lab.report()?.p95 ?? 1e9) < 100, 30_000, 1_000);
    expect(lab.report()?.failed).toBe(0);
    await lab.traffic(0);
  });

  test('loses a host, and has it back with what it held', async () => {
    await lab.fault('host-down', true, { host: 'my1' });
    await lab.fault('host-down', true);
    expect(lab.isUp('my1')).toBe(false);
    await lab.fault('host-down', false);
    await lab.fault('host-down', false);
    expect(await lab.mariadb('my1', 'SELECT COUNT(*) FROM invoice')).toBe('100000');
    await until('replication', async () => {
      const status = await lab.exec('my2', ['mariadb', '--no-defaults', '-e', 'SHOW SLAVE STATUS\\G']);
      return /Slave_IO_Running: Yes/.test(status) && /Slave_SQL_Running: Yes/.test(status);
    });

    await lab.fault('network-cut', true, { host: 'cache1' });
    await expect(lab.memcached('cache1', 'version')).rejects.toThrow();
    await lab.fault('network-cut', false);
    await until('cache1', () =>
      lab.memcached('cache1', 'version').then(
        (line) => line !== '',
        () => false,
      ),
    );

    await lab.fault('disk-full', true, { host: 'db1' });
    expect(await lab.exec('db1', ['df', '-P', '/var/backups'])).toContain('100%');
    await lab.fault('disk-full', false);
    expect(await lab.exec('db1', ['df', '-P', '/var/backups'])).not.toContain('100%');
  });

  test('has RabbitMQ when it is asked for', async () => {
    await switchRabbitmq(lab, true, () => undefined);
    expect(Object.keys(loadConfig(join(root, 'warroom.yaml')).config.services)).toContain('mailtasks');
    expect(await lab.exec('worker1', ['cat', '/var/log/rabbit-worker.log'])).toContain(
      'rabbit@worker1 ready.',
    );
    await switchRabbitmq(lab, false, () => undefined);
    expect(Object.keys(loadConfig(join(root, 'warroom.yaml')).config.services)).not.toContain('mailtasks');
    expect(await lab.exec('queue1', ['ps', '-e', '-o', 'comm='])).not.toMatch(/beam|epmd/);
  });

  test('goes without a trace', async () => {
    const { number } = lab.state;
    await downLab(root);
    expect(tracesOf(number, root)).toEqual([]);
  });
});
