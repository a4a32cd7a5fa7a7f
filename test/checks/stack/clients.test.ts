import { expect, test } from 'vitest';
import type { ClientUse, DatabaseUse } from '../../../src/checks/clients.ts';
import { clients } from '../../../src/checks/stack/clients.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { inputOf } from '../varnish/judge.ts';

const services = {
  app: { kind: 'uwsgi', on: ['app1'], spares: ['app4'], uses: ['pool'] },
  tasks: { kind: 'celery', on: 'worker1', broker: 'redis://queue1', uses: ['shopdb'] },
  pool: {
    kind: 'pgbouncer',
    on: 'db1',
    admin: 'postgres://stats@127.0.0.1:6432/pgbouncer',
    before: 'shopdb',
  },
  shopdb: {
    kind: 'postgres',
    on: 'db1',
    primary: 'postgres://warroom@127.0.0.1/shop',
    act: 'postgres://warroom_act@127.0.0.1/shop',
    application: ['shop'],
  },
};
const hosts = {
  app1: { address: '10.0.0.21' },
  app4: { address: '10.0.0.24' },
  worker1: { address: '10.0.0.31' },
  db1: { address: '10.0.0.51' },
};

function judge(all: readonly Partial<ClientUse>[], given: object = services, where: object = hosts) {
  const stack = new Stack(Config.parse({ hosts: where, services: given }));
  const rows = all.map(
    (one): ClientUse => ({
      role: 'shop',
      address: '10.0.0.21',
      application: '',
      database: 'shop',
      sessions: 1,
      busy: 0,
      queries: [],
      ...one,
    }),
  );
  const use: DatabaseUse = { seconds: 60, busy: rows.reduce((sum, row) => sum + row.busy, 0), clients: rows };
  const facts = <O>() =>
    new Map([
      ['db1', { use } as unknown as Partial<O>],
      ['db2', {}],
    ]);
  return clients.judge({
    ...inputOf(stack, 'stack', new History(), 0),
    thresholds: clients.thresholds.parse({}),
    facts,
  });
}

test('the application is its roles from its hosts, spares and workers with them, through the pooler too', () => {
  for (const address of ['10.0.0.21', '10.0.0.24', '10.0.0.31'])
    expect(judge([{ address, busy: 3 }])).toMatchObject([{ subject: 'shopdb', level: 'ok', value: 0 }]);
});

test('its role from elsewhere is from outside, and so is another role from its hosts; what it calls itself counts for nothing', () => {
  expect(judge([{ address: '10.0.0.90', application: 'shop', busy: 3 }])).toMatchObject([
    { level: 'critical', value: 1 },
  ]);
  expect(judge([{ role: 'report', busy: 3 }])[0]?.summary).toBe(
    '100 % of the time of shopdb is work from outside the application (limit 50 %): report from 10.0.0.21 keeps 3 sessions at work.',
  );
});

test('a share warns, more is critical, and neither below its minimum of work', () => {
  const at = (outside: number, own: number) =>
    judge([{ role: 'report', address: '10.0.0.90', busy: outside }, { busy: own }])[0];
  expect(at(0.3, 0.7)).toMatchObject({ level: 'warn', threshold: 0.25 });
  expect(at(0.3, 0.1)).toMatchObject({ level: 'warn' });
  expect(at(3, 1)).toMatchObject({ level: 'critical', threshold: 0.5 });
  // The application is connected and idles: that is good news. Where it is not, nothing is known.
  expect(at(0.1, 0)).toMatchObject({ level: 'ok' });
  expect(at(0.1, 0)).not.toHaveProperty('basis');
  expect(judge([{ role: 'report', address: '10.0.0.90', busy: 0.1 }])).toMatchObject([{ basis: 'thin' }]);
  expect(at(0.1, 2)).not.toHaveProperty('cleared');
  expect(at(0.4, 2)).toMatchObject({ level: 'ok', cleared: false });
});

test("Warroom's acting role is its own", () => {
  expect(judge([{ role: 'warroom_act', address: '10.0.0.51', busy: 3 }])).toMatchObject([{ level: 'ok' }]);
});

test('a local socket on a host without the application is from outside', () => {
  expect(judge([{ address: undefined, busy: 3 }])).toMatchObject([{ level: 'critical' }]);
  const together = { ...services, app: { ...services.app, on: ['db1'] } };
  expect(judge([{ address: undefined, busy: 3 }], together)).toMatchObject([{ level: 'ok' }]);
});

test('where hosts are known by names alone, the roles decide', () => {
  const named = { ...hosts, app1: { address: 'app1.example.com' } };
  expect(judge([{ address: '10.0.0.90', busy: 3 }], services, named)).toMatchObject([{ level: 'ok' }]);
  expect(judge([{ role: 'report', address: '10.0.0.90', busy: 3 }], services, named)).toMatchObject([
    { level: 'critical' },
  ]);
});

test('where the config tells neither roles nor users, nothing is outside', () => {
  const alone = { shopdb: { ...services.shopdb, application: [] } };
  expect(judge([{ busy: 3 }], alone)).toMatchObject([{ level: 'ok', basis: 'thin' }]);
});
