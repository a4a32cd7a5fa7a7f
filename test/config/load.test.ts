import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CONFIG_SCHEMA_FILE, configSchema } from '../../docs/config-schema.ts';
import { ConfigProblems, loadConfig, parseConfig } from '../../src/config/load.ts';
import { overrideProblems } from '../../src/config/overrides.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'warroom-config-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The lines that a person would read, or none when the config is fine. */
function complaints(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  return said(() => parseConfig('w.yaml', text, env));
}
function said(work: () => unknown): string[] {
  try {
    work();
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigProblems)) throw thrown;
    return thrown.problems.map((problem) => problem.message);
  }
}
const LOCAL = 'hosts: { me: { local: true } }\n';

describe('each complaint says where, what and what to write', () => {
  it.each<[string, string, string[]]>([
    [
      'an unknown key',
      'lunch: {}\n',
      ['w.yaml:1:1: unknown key "lunch" in the config. Did you mean "launch"?'],
    ],
    [
      'an unknown key that is near to nothing',
      `${LOCAL}services:\n  app: { kind: uwsgi, on: me, colour: red }\n`,
      [
        'w.yaml:3:31: unknown key "colour" in services.app. Known there: kind, on, spares, port, health, stats, fifo, before, uses.',
      ],
    ],
    [
      'a mistyped key that makes another one missing',
      'hosts:\n  web1: { adress: 10.0.0.1 }\n',
      ['w.yaml:2:11: unknown key "adress" in hosts.web1. Did you mean "address"?'],
    ],
    [
      'keys that exclude each other',
      'hosts: { me: { local: true, address: x } }\n',
      ['w.yaml:1:16: unknown key "local" in hosts.me. It does not go with the other keys there: keep one.'],
    ],
    [
      'a wrong type',
      `${LOCAL}services:\n  app:\n    kind: uwsgi\n    on: me\n    port: http\n`,
      ['w.yaml:6:11: services.app.port must be a number, not text. Write, for example:  port: 8000'],
    ],
    [
      'a wrong type where several are right',
      `${LOCAL}services: { app: { kind: uwsgi, on: 5 } }\n`,
      [
        'w.yaml:2:37: services.app.on must be text or a list, not a number. Write, for example:  on: [app1, app2]',
      ],
    ],
    [
      'a missing value',
      `${LOCAL}services:\n  edge: { kind: varnish, on: me }\n`,
      ['w.yaml:3:3: services.edge.url is missing. Write, for example:  url: "http://www.example.com"'],
    ],
    [
      'a host with nothing in it',
      'hosts: { web1: {} }\n',
      ['w.yaml:1:10: hosts.web1 needs one of address, local. Write its address:  { address: 10.77.0.11 }'],
    ],
    [
      'an unknown kind',
      `${LOCAL}services: { edge: { kind: vanish, on: me } }\n`,
      [
        'w.yaml:2:27: services.edge.kind must be one of varnish, haproxy, uwsgi, celery, memcached, postgres, pgbouncer, mysql. Did you mean varnish? Write, for example:  kind: varnish',
      ],
    ],
    [
      'a duration without its unit',
      'policy: { expire: 15 }\n',
      ['w.yaml:1:19: policy.expire must be text, not a number. Write, for example:  expire: 15m'],
    ],
    [
      'a number that is too big',
      'policy: { approvals: 9 }\n',
      ['w.yaml:1:22: policy.approvals must be at most 5. Write, for example:  approvals: 1'],
    ],
    [
      'a name that is none',
      'hosts: { "my host": { local: true } }\n',
      ['w.yaml:1:10: hosts.my host is no name. Use letters, digits, . _ - (63 at most).'],
    ],
    [
      'a secret written out, which is not repeated',
      'heartbeat: hunter2\n',
      [
        'w.yaml:1:12: heartbeat must be a map, not text. Write, for example:  heartbeat: { env: HEARTBEAT_URL }',
      ],
    ],
    [
      'one host name twice',
      'hosts:\n  me: { local: true }\n  me: { local: true }\n',
      ['w.yaml:3:3: "me" is named twice (first at w.yaml:2:3). Give each host and service its own name.'],
    ],
    [
      'a part twice',
      'launch: {}\nlaunch: {}\n',
      ['w.yaml:2:1: launch is written twice (first at w.yaml:1:1). Keep one.'],
    ],
    [
      "a service with a host's name",
      `${LOCAL}services:\n  me: { kind: uwsgi, on: me }\n`,
      ['w.yaml:3:3: "me" is named twice (first at w.yaml:1:10). Give each host and service its own name.'],
    ],
    [
      'names that refer to nothing',
      'ssh: { user: u, jump: bastion }\nhosts: { app1: { address: x } }\nservices:\n  app: { kind: uwsgi, on: [app1, app2], spares: [ap1], before: db, uses: [cache] }\nconsole: { tokens: [{ name: t, person: ada, secret: { env: T } }] }\n',
      [
        'w.yaml:1:23: ssh.jump names "bastion", which is no host of this config. Known: app1.',
        'w.yaml:4:34: services.app.on[1] names "app2", which is no host of this config. Did you mean "app1"?',
        'w.yaml:4:50: services.app.spares[0] names "ap1", which is no host of this config. Did you mean "app1"?',
        'w.yaml:4:64: services.app.before names "db", which is no service of this config. Known: app.',
        'w.yaml:4:75: services.app.uses[0] names "cache", which is no service of this config. Known: app.',
        'w.yaml:5:40: console.tokens[0].person names "ada", which is no person of this config. It names no person at all yet.',
      ],
    ],
    [
      'services that depend on each other',
      `${LOCAL}services:\n  a: { kind: uwsgi, on: me, before: b }\n  b: { kind: uwsgi, on: me, uses: [a] }\n`,
      ['w.yaml:3:3: services.a depends on itself: a -> b -> a. Take out the before or uses that is wrong.'],
    ],
    [
      'one human in two records',
      'people: { ada: { slack: U1 }, eve: { slack: U1 } }\n',
      ['w.yaml:1:45: people.eve.slack is that of ada too. Keep one record a person.'],
    ],
    [
      'hosts without an account',
      'hosts: { web1: { address: 10.0.0.1 } }\n',
      [
        'w.yaml:1:10: hosts.web1 is reached over SSH, but there is no account for it. Write:  ssh: { user: warroom, key: { file: /etc/warroom/id_ed25519 } }',
      ],
    ],
    [
      'broken YAML',
      'hosts:\n\tme: { local: true }\n',
      [
        'w.yaml:2:1: not YAML: Tabs are not allowed as indentation. Indent with spaces, and quote text that holds ": " or " #" or begins with one of @ * & ! % { [ "',
      ],
    ],
    ['something else', '- a\n', ['w.yaml:1:1: the config must be a map, not a list.']],
  ])('%s', (_, text, lines) => {
    const env = { T: 'x' };
    expect(complaints(text, env)).toEqual(lines);
  });

  it('says all of them at once, in the order of the file', () => {
    const lines = complaints('lunch: {}\npolicy: { approvals: 9 }\nhosts: { a: {}, a: {} }\n');
    expect(lines.map((line) => line.split(': ')[0])).toEqual([
      'w.yaml:1:1',
      'w.yaml:2:22',
      'w.yaml:3:10',
      'w.yaml:3:17',
    ]);
  });
});

describe('secrets', () => {
  const token = (source: string) => `console:\n  tokens:\n    - { name: wall, secret: ${source} }\n`;

  it('says that a variable is not set, or is empty', () => {
    expect(complaints(token('{ env: WALL }'))).toEqual([
      'w.yaml:3:21: console.tokens[0].secret wants a secret from the environment variable WALL, but it is not set. Start Warroom with WALL=…',
    ]);
    expect(complaints(token('{ env: WALL }'), { WALL: '' })[0]).toContain('but it is empty');
  });

  it('says that a file is absent, empty, or readable by others', () => {
    const file = join(dir, 'secret');
    expect(complaints(token(`{ file: ${file} }`))[0]).toContain(`from the file ${file}, but ENOENT`);
    writeFileSync(file, 'abc\n');
    chmodSync(file, 0o644);
    expect(complaints(token(`{ file: ${file} }`))[0]).toContain(`others may read it. chmod 600 ${file}`);
    chmodSync(file, 0o600);
    const loaded = parseConfig('w.yaml', token(`{ file: ${file} }`), {});
    expect(loaded.secret({ file }).reveal()).toBe('abc');
    expect(String(loaded.secret({ file }))).toBe('«secret»');
  });

  it('repeats no secret that stands where it does not belong, and takes none with a line break', () => {
    for (const text of ['heartbeat: { env: xoxb-1-hunter2 }', 'heartbeat: *hunter2', 'heartbeat: hunter2'])
      expect(complaints(`${text}\n`).join()).toMatch(/^(?!.*hunter2)w\.yaml:1:/);
    const broken = complaints(token('{ env: WALL }'), { WALL: 'hunter2\nhunter2' })[0];
    expect(broken).toContain('it has a line break in the middle');
    expect(broken).not.toContain('hunter2');
  });

  it('says that a command fails, and runs a good one once', () => {
    const failing = ['/bin/sh', '-c', 'echo hunter2; echo hunter2 >&2; exit 3', 'hunter2'];
    const told = complaints(token(JSON.stringify({ command: failing })))[0];
    expect(told).toContain('from the command /bin/sh, but it ended with 3.');
    expect(told).not.toContain('hunter2');
    const count = join(dir, 'count');
    const command = ['/bin/sh', '-c', `echo x >> ${count}; echo value`];
    const loaded = parseConfig('w.yaml', token(JSON.stringify({ command })), {});
    expect(loaded.secret({ command }).reveal()).toBe('value');
    expect(readFileSync(count, 'utf8')).toBe('x\n');
  });
});

describe('files', () => {
  it('takes an empty file as defaults', () => {
    const file = join(dir, 'empty.yaml');
    writeFileSync(file, '');
    const { config } = loadConfig(file, {});
    expect(config.launch.name).toBe('This machine');
    expect(loadConfig(file, {}).where(['launch', 'name'])).toBe(`${file}:1:1`);
    expect(complaints('chat:\nhosts:\n# nothing yet\n')).toEqual([]);
  });

  it('says that a file is not there, or cannot be read', () => {
    const file = join(dir, 'none.yaml');
    expect(said(() => loadConfig(file, {}))[0]).toContain(`There is no config file at ${file}.`);
    mkdirSync(file);
    expect(said(() => loadConfig(file, {}))[0]).toContain(`${file} cannot be read: EISDIR`);
  });

  it('accepts the example, whose secrets are the only thing that is missing', () => {
    const text = readFileSync(new URL('../../config/warroom.example.yaml', import.meta.url), 'utf8');
    const lines = complaints(text, {
      WALLBOARD_TOKEN: 'x',
      POOL_URL: 'x',
      SHOPDB_URL: 'x',
      SHOPDB_REPLICA_URL: 'x',
      BROKER_URL: 'x',
    });
    expect(lines.every((line) => line.includes('wants a secret from the file /etc/warroom/'))).toBe(true);
    expect(text.split('\n').length).toBeLessThanOrEqual(41);
  });

  it('has a JSON schema that is current (npx tsx docs/config-schema.ts)', () => {
    expect(readFileSync(CONFIG_SCHEMA_FILE, 'utf8')).toBe(configSchema());
  });

  it('never fails but with its own complaints', () => {
    const words = fc.constantFrom(
      'hosts',
      'services',
      'a',
      'kind',
      'uwsgi',
      'on',
      'ssh',
      'key',
      'env',
      '__proto__',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.anything({ maxDepth: 0 }),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(words, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => void complaints(JSON.stringify(value) ?? '')),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.string(), (text) => void complaints(text)),
      { numRuns: 300 },
    );
  });
});

describe('what is said of checks', () => {
  const thresholds = z.strictObject({ warn: z.number().default(1), critical: z.number().default(2) });
  const checks = [{ id: 'host.load', thresholds }];
  const problems = (text: string) =>
    overrideProblems(parseConfig('w.yaml', LOCAL + text, {}), checks).map((problem) => problem.message);

  it('takes thresholds and off, for all or for one', () => {
    expect(problems('checks: { host.load: { warn: 3 }, host.load@me: off }\n')).toEqual([]);
  });

  it('says what names no check or target, and what a check does not have', () => {
    expect(
      problems(
        'launch: { watch: [host.laod] }\nchecks:\n  host.lood: off\n  host.load@you: off\n  host.load: { warm: 3 }\n',
      ),
    ).toEqual([
      'w.yaml:4:14: checks names "host.lood", which is no check of this config. Did you mean "host.load"?',
      'w.yaml:5:18: checks names "you", which is no host or service of this config. warroom check lists them.',
      'w.yaml:6:22: unknown key "warm" in checks.host.load. Did you mean "warn"?',
      'w.yaml:2:19: launch.watch names "host.laod", which is no check of this config. Did you mean "host.load"?',
    ]);
  });
});
