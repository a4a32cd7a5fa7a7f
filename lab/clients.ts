import { connect } from 'node:net';
import type { Lab } from './lab.ts';
import type { Role } from './secrets.ts';
import { asUser } from './services/service.ts';

export interface SqlOptions {
  /** Whom to be; the server's superuser when left out. */
  readonly role?: Role;
  /** `shop` when left out. */
  readonly database?: string;
}

/** What psql prints of these statements: rows in lines, columns with "|" between them. Throws with psql's error. */
export async function psql(lab: Lab, host: string, sql: string, options: SqlOptions): Promise<string> {
  const user = ['-U', options.role ?? 'postgres', '-d', options.database ?? 'shop'];
  const argv = [
    ...asUser('postgres').split(' '),
    'psql',
    '-X',
    '-q',
    '-A',
    '-t',
    '-v',
    'ON_ERROR_STOP=1',
    ...user,
  ];
  return (await lab.exec(host, argv, { input: sql })).trimEnd();
}

/** What mariadb prints of these statements: rows in lines, columns with tabs between them. */
export async function mariadb(lab: Lab, host: string, sql: string, options: SqlOptions): Promise<string> {
  const { role, database = 'shop' } = options;
  const argv = ['mariadb', '--no-defaults', '-N', '-B', '-D', database];
  if (role === undefined) return (await lab.exec(host, argv, { input: sql })).trimEnd();
  const to = ['-h', '127.0.0.1', '-u', role];
  const script = `export MYSQL_PWD='${lab.passwords.mysql[role]}'
exec ${[...argv, ...to].join(' ')} <<'LAB_END'
${sql}
LAB_END
`;
  return (await lab.exec(host, ['sh', '-s'], { input: script })).trimEnd();
}

/** What a memcached answers to a command line or several, without the last line break. */
export function memcached(address: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: 11211, timeout: 5_000 });
    const answer: Buffer[] = [];
    socket.on('data', (data: Buffer) => answer.push(data));
    socket.once('timeout', () =>
      socket.destroy(new Error(`No answer from memcached at ${address} within 5 s.`)),
    );
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(answer).toString().trimEnd()));
    socket.write(`${command}\r\nquit\r\n`);
  });
}

/** What redis-cli prints, without a last line break. */
export async function redis(lab: Lab, words: readonly string[]): Promise<string> {
  const command = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const input = `export REDISCLI_AUTH='${lab.passwords.redis}'\nexec redis-cli ${command} </dev/null\n`;
  return (await lab.exec('queue1', ['sh', '-s'], { input })).trimEnd();
}
