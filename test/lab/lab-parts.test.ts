import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { downLab, type Lab, labStatus, PARTS, type Part, partsOf, upLab } from '../../lab/index.ts';
import { loadConfig } from '../../src/config/load.ts';
import { newRoot, prepareLab, sayWhySkipped, tracesOf, withoutLab } from './lab-support.ts';

sayWhySkipped();

test('parts are named by words, in any order', () => {
  expect(partsOf('tasks, web')).toEqual(['web', 'tasks']);
  expect(() => partsOf('web,redis')).toThrow(
    'The lab has no part "redis"; its parts are web, postgres, mysql, cache, tasks.',
  );
});

describe.skipIf(withoutLab !== undefined)('a part of the lab', { timeout: 120_000 }, () => {
  const root = newRoot();

  beforeAll(() => prepareLab(PARTS), 600_000);
  afterEach(async () => {
    await downLab(root);
  }, 30_000);

  const up = (...only: Part[]) => upLab({ root, only });
  const services = () => loadConfig(join(root, 'warroom.yaml')).config.services;

  test('postgres streams to its replica, and its pooler keeps each client its role', async () => {
    const lab = await up('postgres');
    expect(lab.hosts.map((host) => host.name)).toEqual(['db1', 'db2', 'client2']);
    expect(Object.keys(services())).toEqual(['pool', 'shopdb']);
    await lab.psql('db1', 'CREATE TABLE news AS SELECT 7 AS number');
    await expect.poll(() => lab.psql('db2', 'SELECT number FROM news').catch(() => ''), POLL).toBe('7');
    expect(await lab.psql('db1', 'SELECT slot_name, active FROM pg_replication_slots')).toBe('db2|t');
    expect(await asReport(lab, lab.passwords.postgres.report)).toBe('report|db1');
    await expect(asReport(lab, 'wrong')).rejects.toThrow('authentication failed');
    expect(readFileSync(join(root, 'reference', 'shopdb.sql'), 'utf8')).toMatch(
      /CREATE INDEX order_item_order[\s\S]*0003_order_item_order_index/,
    );
  });

  test('mysql replicates, and each account has the rights that it needs and no more', async () => {
    const lab = await up('mysql');
    expect(Object.keys(labStatus(root).services)).toEqual(['crmdb']);
    expect(services()['crmdb']).toMatchObject({ kind: 'mysql', on: ['my1'], application: ['shop'] });
    await lab.mariadb('my1', 'CREATE TABLE news AS SELECT 7 AS number');
    await expect.poll(() => lab.mariadb('my2', 'SELECT number FROM news').catch(() => ''), POLL).toBe('7');
    const as = (role: 'warroom' | 'warroom_act', sql: string) => lab.mariadb('my1', sql, { role });
    expect(await as('warroom', 'SELECT COUNT(*) FROM performance_schema.threads')).toMatch(/^\d+$/);
    expect(await as('warroom', 'SELECT COUNT(*) FROM sys.innodb_lock_waits')).toBe('0');
    await expect(as('warroom', 'DELETE FROM invoice')).rejects.toThrow('denied');
    await as('warroom_act', 'ALTER TABLE invoice_item ADD INDEX later (product_id), LOCK=NONE');
    await expect(as('warroom_act', 'DELETE FROM invoice')).rejects.toThrow('denied');
    expect(readFileSync(join(root, 'reference', 'crmdb.sql'), 'utf8')).toMatch(
      /KEY `invoice_item_invoice`[\s\S]*0003_invoice_item_invoice_index/,
    );
  });

  test('cache and tasks answer; what needs another part is refused', async () => {
    const lab = await up('tasks', 'cache');
    expect(Object.keys(services())).toEqual(['cache', 'tasks']);
    expect(await lab.memcached('cache1', 'set menu:main 0 0 2\r\nok\r\nget menu:main')).toContain(
      '\r\nok\r\n',
    );
    expect(await lab.redis('PING')).toBe('PONG');
    await expect(lab.fault('no-redirect-cache', true)).rejects.toThrow(
      'no-redirect-cache needs web; this lab has cache, tasks only.',
    );
    await expect(lab.fault('host-down', true, { host: 'db1' })).rejects.toThrow(
      'db1 belongs to web or postgres, which is not up here.',
    );
    await expect(lab.traffic(10)).rejects.toThrow('Visitors need web');
    await expect(up('mysql')).rejects.toThrow(/is up without mysql: .*down/);
    await expect(lab.startServer('mariadb@my1')).rejects.toThrow('belongs to mysql, which is not up here');

    await lab.stopServer('celery@worker1');
    await lab.stopServer('celery@worker1');
    expect(await lab.exec('worker1', ['ps', '-e', '-o', 'args='])).not.toContain('celery -A');
    await lab.startServer('celery@worker2');
    expect(await lab.exec('worker2', ['ps', '-e', '-o', 'args='])).toContain('celery -A');
  });

  test('has daemons that end with all that they started, and goes without a trace', async () => {
    const lab = await up('cache');
    const loop = ['sh', '-c', 'echo "$WORD"; sleep 1000 & sleep 1000'];
    await lab.daemon('cache1', 'nag', loop, { user: 'nobody', env: { WORD: "it's" } });
    await lab.daemon('cache1', 'nag', loop, { user: 'nobody' });
    const sleeps = () => lab.exec('cache1', ['pgrep', '-c', '-x', '-U', 'nobody', 'sleep']).catch(() => '0');
    await expect.poll(sleeps, POLL).toBe('2\n');
    expect(await lab.exec('cache1', ['cat', '/var/log/nag.log'])).toBe("it's\n\n");
    await lab.stopDaemon('cache1', 'nag');
    expect(await sleeps()).toBe('0');
    expect(lab.state.daemons).toEqual([]);

    await lab.daemon('cache1', 'nag', loop);
    await lab.fault('disk-full', true, { host: 'cache2' });
    const { number } = lab.state;
    await downLab(root);
    expect(tracesOf(number, root)).toEqual([]);
  });
});

const POLL = { timeout: 30_000, interval: 100 };

/** Who one is, and where, through the pooler's database for reports. */
async function asReport(lab: Lab, password: string): Promise<string> {
  const where = `postgres://report:${password}@db1:6432/report`;
  const sql = "SELECT current_user, CASE pg_is_in_recovery() WHEN true THEN 'db2' ELSE 'db1' END";
  return (await lab.exec('client2', ['psql', '-X', '-A', '-t', '-c', sql, where])).trim();
}
