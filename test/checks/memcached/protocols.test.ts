import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { hitRate } from '../../../src/checks/memcached/checks.ts';
import type { MemcachedFacts } from '../../../src/checks/memcached/facts.ts';
import { sshdPossible, startSshd } from '../../targets/sshd.ts';
import { type Daemon, Daemons, missingMemcached, Shop } from './daemon.ts';
import { Rounds } from './rounds.ts';

const why = missingMemcached();
describe.skipIf(why)(`memcached, however it is spoken to ${why ?? ''}`, () => {
  const daemons = new Daemons();
  const open: { close(): unknown }[] = [];
  const watching = ({ port }: Daemon, account: object = {}): Rounds => {
    const made = new Rounds({ servers: [`127.0.0.1:${port}`], ...account });
    open.push(made);
    return made;
  };
  const factsOf = (rounds: Rounds) => rounds.views()[0]?.facts as Partial<MemcachedFacts>;
  const ada = { user: 'ada', password: { env: 'LOVELACE' } };

  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  afterAll(() => daemons.stop());

  test('binary alone: memjs gives the same figures; there is no look at fetches, and why is said', async () => {
    const rounds = watching(await daemons.start(['-B', 'binary']));
    for (const id of ['stats', 'items', 'latency', 'fetches', 'stats']) await rounds.run(id);
    expect(factsOf(rounds)).toMatchObject({
      server: { protocol: 'binary', version: expect.stringMatching(/^1\./) },
      fetches: { source: 'none', problem: expect.stringContaining('with -D : it counts by prefix') },
      latency: { upperBound: true },
    });
    expect(rounds.views()[0]?.value('memcached.gets')).toBe(0);
    expect(rounds.views()[0]?.value('memcached.operation_ms')).toBeGreaterThanOrEqual(0);
    expect(rounds.judge(hitRate)).toMatchObject([{ level: 'ok', basis: 'thin' }]);
  });

  test('ascii alone is what we speak anyhow', async () => {
    const rounds = watching(await daemons.start(['-B', 'ascii']));
    for (const id of ['stats', 'items', 'latency', 'fetches']) await rounds.run(id);
    expect(factsOf(rounds)).toMatchObject({ server: { protocol: 'text' }, fetches: { source: 'watch' } });
  });

  test('names in a file (-Y): with the right one everything works, the watch too', async () => {
    const server = await daemons.start(['-Y', daemons.file('names', 'ada:lovelace\n')]);
    const rounds = watching(server, ada);
    for (const id of ['stats', 'items', 'latency', 'fetches', 'stats']) await rounds.run(id);
    expect(factsOf(rounds)).toMatchObject({ server: { protocol: 'text' }, fetches: { source: 'watch' } });
    await expect(watching(server).run('stats')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining('user: NAME and password: { env:') },
    });
    const wrong = watching(server, { user: 'ada', password: { env: 'BYRON' } });
    await expect(wrong.run('stats')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { what: expect.stringContaining('as ada'), mend: expect.stringContaining('-Y') },
    });
  });

  test('SASL (-S), which is binary alone', async () => {
    const folder = join(daemons.folder, 'sasl');
    mkdirSync(folder, { mode: 0o755 });
    daemons.file(
      'sasl/memcached.conf',
      `mech_list: plain\npwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: ${folder}/sasldb2\n`,
    );
    execFileSync('/usr/bin/perl', ['-MDB_File', '-e', SASLDB, `${folder}/sasldb2`, hostname()]);
    const server = await daemons.start(['-S'], { SASL_CONF_PATH: folder });
    const rounds = watching(server, ada);
    for (const id of ['stats', 'items', 'latency', 'stats']) await rounds.run(id);
    expect(factsOf(rounds)).toMatchObject({ server: { protocol: 'binary' } });
    await expect(watching(server).run('stats')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining('user: NAME') },
    });
    const wrong = watching(server, { user: 'ada', password: { env: 'BYRON' } });
    const thrown = await wrong.run('stats').catch((error: Error) => error);
    expect(thrown).toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining('saslpasswd2 -a memcached -c ada') },
    });
    expect(String(thrown)).not.toContain('byron');
  });

  test('where nobody may watch (-W), the counters by prefix serve if they are on, and are not switched on', async () => {
    const off = await daemons.start(['-W']);
    const without = watching(off);
    await without.run('fetches');
    expect(factsOf(without)).toMatchObject({
      fetches: { source: 'none', problem: expect.stringContaining('Start it without -W, or with -D :') },
    });
    const shop = new Shop(off.port);
    open.push({ close: () => shop.end() });
    expect((await shop.stats('settings')).get('detail_enabled')).toBe('no');

    const on = await daemons.start(['-W', '-D', ':']);
    const rounds = watching(on);
    await rounds.run('fetches');
    const visitor = new Shop(on.port);
    open.push({ close: () => visitor.end() });
    await visitor.set('product:1', 10);
    for (let i = 0; i < 30; i++) await visitor.get(`product:${(i % 3) + 1}`);
    for (let i = 0; i < 10; i++) await visitor.get(`cart:${i}`);
    await rounds.run('fetches');
    expect(factsOf(rounds).fetches).toMatchObject({
      source: 'detail',
      reads: 40,
      prefixes: [
        { prefix: 'product', hitShare: 1 / 3, why: 'never set' },
        { prefix: 'cart', hitShare: 0, why: 'never set' },
      ],
    });
  });

  test.skipIf(!sshdPossible)(
    'on its host’s loopback, through SSH: the tunnel’s own time is taken off',
    async () => {
      const sshd = await startSshd();
      open.push({ close: () => sshd.stop() });
      const account = { user: sshd.user, key: { file: sshd.key }, knownHosts: sshd.knownHosts };
      const server = await daemons.start();
      const binary = await daemons.start(['-B', 'binary']);
      for (const { port } of [server, binary]) {
        const rounds = new Rounds(
          { servers: [`cache1:${port}`] },
          { ssh: account, hosts: { cache1: { address: '127.0.0.1', port: sshd.port } } },
        );
        open.push(rounds);
        for (const id of ['stats', 'latency', 'items', 'fetches', 'stats']) await rounds.run(id);
        const [view] = rounds.views();
        const value = (name: string) => view?.value(`memcached.${name}`) as number;
        expect(view?.instance).toBe('cache1');
        expect(value('gets')).toBe(0);
        expect(value('way_ms')).toBeGreaterThan(0);
        expect(value('operation_ms')).toBeGreaterThanOrEqual(0);
        expect(value('operation_ms')).toBeLessThanOrEqual(value('round_trip_ms') + 0.001);
        expect(factsOf(rounds).latency).toMatchObject({ tunnelled: true });
      }
    },
  );
});

/** Writes what saslpasswd2 would, which is in a package of its own. */
const SASLDB = String.raw`
my ($file, $host) = @ARGV;
tie my %names, "DB_File", $file, O_RDWR | O_CREAT, 0644, $DB_HASH or die $!;
$names{"ada\0$_\0userPassword"} = "lovelace" for ("", "localhost", $host);
untie %names;`;
