import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { DirectTarget } from '../../src/targets/direct.ts';
import { Links } from '../../src/targets/links.ts';
import { type PostgresClient, postgresLink } from '../../src/targets/postgres-link.ts';
import { postgresUrl } from '../../src/targets/postgres-url.ts';
import { sqlState } from '../../src/targets/sql-errors.ts';
import { missingPostgres, PostgresServers, type Server, shopOn } from '../checks/postgres/servers.ts';

function use<R>(
  url: string,
  work: (client: PostgresClient) => Promise<R>,
  ms = 4000,
  via = new DirectTarget('db1'),
) {
  const links = new Links(
    (source) => new Secret(String(source)),
    () => Date.now(),
  );
  return links
    .use(postgresLink, { via, source: url, signal: AbortSignal.timeout(ms) }, work)
    .finally(() => links.close());
}

describe('URLs', () => {
  test.each([
    [
      'postgres://u:p%40ss@h:5433/d?sslmode=require',
      { address: { host: 'h', port: 5433 }, user: 'u', password: 'p@ss', database: 'd', sslMode: 'require' },
    ],
    ['postgresql://u@[::1]/d', { address: { host: '::1', port: 5432 }, sslMode: 'prefer' }],
    [
      'postgres://u@/d?host=/var/run/postgresql',
      { address: { path: '/var/run/postgresql/.s.PGSQL.5432' }, sslMode: 'disable' },
    ],
    [
      'postgres:///d?host=/tmp/x&port=6000&user=me',
      { address: { path: '/tmp/x/.s.PGSQL.6000' }, user: 'me', database: 'd' },
    ],
    ['postgres://u@%2Frun%2Fpg/d', { address: { path: '/run/pg/.s.PGSQL.5432' } }],
    ['postgres://u@h', { database: 'u', named: false }],
  ])('%s', (text, expected) => {
    expect(postgresUrl(text, 'db1')).toMatchObject(expected);
  });
  test.each(['mysql://u@h/d', 'postgres://u@h/d?sslmode=maybe', 'nothing'])(
    '%s is none, and is not repeated',
    (text) => {
      expect(() => postgresUrl(`${text}`, 'db1')).toThrow(/is not a URL postgres:/);
    },
  );
});

describe('servers that are broken, or none', () => {
  const opened: net.Server[] = [];
  afterAll(() => {
    for (const server of opened) server.close();
  });
  async function answering(answer: (socket: net.Socket) => void): Promise<string> {
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      answer(socket);
    });
    opened.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `postgres://u:pw@127.0.0.1:${(server.address() as net.AddressInfo).port}/d`;
  }
  const ok = Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1');
  const select = (client: PostgresClient) => client.rows('SELECT 1');

  test('one that says nothing is given up at the deadline', async () => {
    const url = await answering(() => undefined);
    await expect(use(url, select, 300)).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    await expect(use(`${url}?sslmode=disable`, select, 300)).rejects.toMatchObject({
      code: 'TARGET_DEADLINE',
    });
  });
  test('one that hangs up, at once or in the middle of an answer', async () => {
    for (const words of ['', 'N', 'NR\0\0', 'NE\0\0\0\x50SFATAL\0C'])
      await expect(
        use(
          await answering((socket) => socket.once('data', () => socket.end(Buffer.from(words, 'latin1')))),
          select,
        ),
      ).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
  });
  test('one that speaks another protocol', async () => {
    const url = await answering((socket) => socket.write('220 mail.example.com ESMTP\r\n'));
    await expect(use(url, select)).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
      message: expect.stringContaining('Is that its port?'),
    });
  });
  test('one that says more than it may before the encryption', async () => {
    const url = await answering((socket) =>
      socket.once('data', () => socket.write(Buffer.concat([Buffer.from('S'), ok]))),
    );
    await expect(use(url, select)).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
  });
  test('an answer of 20 MB is cut, said, and not kept', async () => {
    const url = await answering((socket) =>
      socket.once('data', () => {
        socket.write('N');
        socket.once('data', () => {
          socket.write(ok);
          const notice = Buffer.alloc(1024 * 1024, 0x20);
          notice.write('N', 0, 'latin1');
          notice.writeUInt32BE(notice.length - 1, 1);
          notice.write('SNOTICE\0\0', 5, 'latin1');
          for (let i = 0; i < 20; i++) socket.write(notice);
        });
      }),
    );
    await expect(use(url, select)).rejects.toMatchObject({ code: 'TARGET_CUT' });
  });
});

const why = missingPostgres();
describe.skipIf(why)(`a real PostgreSQL ${why ?? ''}`, () => {
  const servers = new PostgresServers();
  let server: Server;
  beforeAll(async () => {
    const [key, crt] = [join(servers.folder, 'server.key'), join(servers.folder, 'server.crt')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', crt],
      ],
      { stdio: 'ignore' },
    );
    if (process.getuid?.() === 0) execFileSync('chown', ['postgres', key, crt]);
    server = await shopOn(
      servers,
      ['ssl = on', `ssl_cert_file = '${crt}'`, `ssl_key_file = '${key}'`, 'max_connections = 12'],
      'hostssl all shop 127.0.0.1/32 trust\nhost all secured 127.0.0.1/32 scram-sha-256\nhost all warroom 127.0.0.1/32 trust\nhost all ghost 127.0.0.1/32 trust',
    );
    await server.sql(
      "CREATE ROLE secured LOGIN PASSWORD 'right'",
      'CREATE ROLE mine LOGIN CONNECTION LIMIT 0',
    );
  });
  afterAll(() => servers.stop());
  const encrypted = (client: PostgresClient) =>
    client.rows('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()').then((rows) => rows[0]?.['ssl']);

  test('is encrypted as the URL says', async () => {
    const root = `sslrootcert=${join(servers.folder, 'server.crt')}`;
    const named = `postgres://warroom@localhost:${server.port}/shop`;
    expect(await use(server.url('warroom'), encrypted)).toBe(true);
    expect(await use(`${server.url('warroom')}?sslmode=disable`, encrypted)).toBe(false);
    expect(await use(`${server.url('warroom')}?sslmode=require`, encrypted)).toBe(true);
    expect(await use(`${named}?sslmode=verify-full&${root}`, encrypted)).toBe(true);
    expect(await use(`${server.url('warroom')}?sslmode=verify-ca&${root}`, encrypted)).toBe(true);
    await expect(use(`${named}?sslmode=verify-full`, encrypted)).rejects.toMatchObject({
      message: expect.stringContaining('TLS failed'),
    });
    await expect(
      use(`${server.url('warroom')}?sslmode=verify-full&${root}`, encrypted),
    ).rejects.toMatchObject({
      message: expect.stringContaining('TLS failed'),
    });
    const socket = `postgres://warroom@/shop?host=${servers.folder}&port=${server.port}&sslmode=require`;
    expect(await use(socket, encrypted)).toBe(false);
  });

  test('is read only, in bounded time, one statement at once; such errors cost no session', async () => {
    const links = new Links((source) => new Secret(String(source)));
    const rows = (text: string) =>
      links.use(
        postgresLink,
        { via: new DirectTarget('db1'), source: server.url('warroom'), signal: AbortSignal.timeout(4000) },
        async (client) =>
          [await client.rows('SELECT pg_backend_pid() AS pid'), await client.rows(text)].flat(),
      );
    const [first] = await rows(
      "SELECT current_setting('application_name') AS a, 9007199254740991::int8 AS big, 1.5::numeric AS n",
    );
    expect(
      await rows(
        "SELECT current_setting('application_name') AS a, 9007199254740991::int8 AS big, 1.5::numeric AS n",
      ),
    ).toMatchObject([{}, { a: 'warroom', big: 9007199254740991, n: 1.5 }]);
    for (const [text, code, state] of [
      ['CREATE TABLE x ()', 'BAD_ANSWER', '25006'],
      ['SELECT 1; SELECT 2', 'BAD_ANSWER', '42601'],
      ['SELECT 1; COMMIT; DROP TABLE orders', 'BAD_ANSWER', '42601'],
      ["SELECT pg_read_file('/etc/hostname')", 'NO_RIGHT', '42501'],
      ['SELECT pg_sleep(9)', 'TARGET_DEADLINE', '57014'],
    ] as const) {
      const thrown = await rows(text).catch((one: unknown) => one);
      expect(thrown).toMatchObject({ code });
      expect(sqlState(thrown)).toBe(state);
    }
    expect((await rows('SELECT 1'))[0]).toEqual(first);
    links.close();
  });

  test('says what is wrong with a sign-in, and what mends it; no password is in it', async () => {
    const wrong = (url: string) => use(url, encrypted).catch((thrown: Error) => thrown);
    const secured = (password: string) => `postgres://secured${password}@127.0.0.1:${server.port}/shop`;
    expect(await use(secured(':right'), encrypted)).toBe(true);
    expect(await wrong(secured(':very-wrong'))).toMatchObject({
      code: 'NO_RIGHT',
      message: expect.not.stringContaining('very-wrong'),
    });
    expect(await wrong(secured(''))).toMatchObject({
      code: 'TARGET_UNREACHABLE',
      message: expect.stringContaining('asks for a password'),
    });
    expect(await wrong(server.url('ghost'))).toMatchObject({
      code: 'NO_RIGHT',
      fields: {
        mend: "As a superuser: CREATE ROLE ghost LOGIN PASSWORD '…'; GRANT pg_monitor TO ghost; and in the database shop, of each schema of the application: GRANT USAGE ON SCHEMA public TO ghost; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ghost;",
      },
    });
    expect(await wrong(`${server.url('shop')}?sslmode=disable`)).toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining('pg_hba.conf: host shop shop ADDRESS/32') },
    });
    expect(await wrong(server.url('warroom', 'nowhere'))).toMatchObject({
      code: 'TARGET_UNREACHABLE',
      message: expect.stringContaining('no database nowhere'),
    });
    const socket = (role: string) => `postgres://${role}@/shop?host=${servers.folder}&port=${server.port}`;
    expect(await wrong(socket('mine'))).toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: 'ALTER ROLE mine CONNECTION LIMIT 10;' },
    });
    expect(await wrong(`postgres://u@127.0.0.1:1/d`)).toMatchObject({ code: 'TARGET_UNREACHABLE' });
  });

  test('goes through any stream, as that of an SSH channel', async () => {
    const target = new DirectTarget('db1');
    const plain = target.connect.bind(target);
    target.connect = async (address, options) => {
      const socket = await plain(address, options);
      return new Duplex({
        read: () => socket.resume(),
        write: (chunk, _encoding, done) => socket.write(chunk, done),
        final: (done) => socket.end(done),
        destroy: (thrown, done) => {
          socket.destroy();
          done(thrown);
        },
        construct(done) {
          socket.on('data', (chunk) => this.push(chunk) || socket.pause());
          socket.on('end', () => this.push(null));
          done();
        },
      });
    };
    expect(await use(`${server.url('warroom')}?sslmode=require`, encrypted, 4000, target)).toBe(true);
    expect(await use(`${server.url('warroom')}?sslmode=disable`, encrypted, 4000, target)).toBe(false);
  });
});
