import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDisks, parseListeners } from '../../../src/checks/host/collect.ts';
import { parseFacts } from '../../../src/checks/host/collect-facts.ts';
import { parseDetails, parseProcessList } from '../../../src/checks/host/collect-processes.ts';
import { parseStat, parseStats, useOf } from '../../../src/checks/host/process-stat.ts';
import { redactArguments } from '../../../src/checks/host/redact.ts';
import { countOf, namedNumbers, pairedCounter, pressure } from '../../../src/checks/host/sections.ts';
import { answersOf, FIXTURES } from './replay.ts';

const answers = answersOf(`${FIXTURES}debian-12-6.18/busy-process`);
const stat = (pid: number, name: string, ticks: number, start: number) =>
  `${pid} (${name}) R 1 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 1000 200 0`;

describe('numbers by their names', () => {
  const text = 'PreMemTotal: 1 kB\nMemTotal:       16384 kB\nMemTotalNot 3\npswpin 12\nodd kB\n';
  it('of whole lines alone, the first of each, and only those asked for', () => {
    expect([...namedNumbers(text, ['MemTotal', 'pswpin', 'odd', 'gone'])]).toEqual([
      ['MemTotal', 16384],
      ['pswpin', 12],
    ]);
    expect(namedNumbers(undefined, ['MemTotal']).size).toBe(0);
  });
  it('as a walk through all lines would find them', () => {
    const name = fc.constantFrom('a', 'ab', 'b', 'pswpin', 'pswpin_x');
    const line = fc.tuple(
      name,
      fc.constantFrom(' ', ': ', ':\t  ', ''),
      fc.nat(99),
      fc.constantFrom('', ' kB'),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const said = lines.map((words) => words.join('')).join('\n');
        const walked = said.split('\n').flatMap((one) => {
          const match = /^(\S+?):?[ \t]+(-?\d+)\b/.exec(one);
          return match && match[1] === 'pswpin' ? [Number(match[2])] : [];
        });
        expect(namedNumbers(said, ['pswpin']).get('pswpin')).toBe(walked[0]);
      }),
    );
  });
});

describe('process lines', () => {
  it('reads a name that holds brackets, blanks and numbers', () => {
    expect(parseStat(stat(7, 'a) R 1 (b', 12, 34))).toMatchObject({
      pid: 7,
      name: 'a) R 1 (b',
      state: 'R',
      ticks: 12,
      startTicks: 34,
    });
  });

  it('loses no other process to one whose name has a line break', () => {
    const { processes, spoiled } = parseStats(
      [stat(1, 'a', 1, 1), stat(2, 'x\ny', 1, 1), stat(3, 'c', 1, 1)].join('\n'),
    );
    expect([...processes.keys()]).toEqual([1, 3]);
    expect(spoiled).toBe(2);
  });

  it('gives back any plain name', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 15 }).filter((name) => !name.includes('\n')),
        fc.nat(),
        (name, ticks) => {
          expect(parseStat(stat(7, name, ticks, 5))).toMatchObject({ name, ticks });
        },
      ),
    );
  });

  it('tells use only where it can be told', () => {
    const at = (ticks: number, start: number) =>
      parseStat(stat(7, 'x', ticks, start)) as NonNullable<ReturnType<typeof parseStat>>;
    const uptime = { before: 100, now: 105 };
    expect(useOf(at(1000, 50), at(1500, 50), uptime)).toEqual({ cores: 1, seconds: 5 });
    // Started in between: over its own life.
    expect(useOf(undefined, at(200, 10_300), uptime)?.cores).toBeCloseTo(1);
    // The pid was given to another one.
    expect(useOf(at(9000, 50), at(200, 10_300), uptime)?.cores).toBeCloseTo(1);
    // There before, but not looked at; only just started; a counter that went back.
    expect(useOf(undefined, at(9000, 50), uptime)).toBeUndefined();
    expect(useOf(undefined, at(9, 10_490), uptime)).toBeUndefined();
    expect(useOf(at(1500, 50), at(1000, 50), uptime)).toBeUndefined();
  });
});

describe('small parsers', () => {
  it('counts a CPU list', () => {
    expect([countOf('0-3,8'), countOf('0'), countOf(''), countOf('x'), countOf(undefined)]).toEqual([
      5,
      1,
      undefined,
      undefined,
      undefined,
    ]);
  });
  it('reads pressure, or knows none', () => {
    expect(pressure('some avg10=12.50 avg60=0 avg300=0 total=1\n')).toBe(0.125);
    expect(pressure(undefined)).toBeUndefined();
  });
  it('finds a counter under its name', () => {
    expect(pairedCounter('TcpExt: A B\nTcpExt: 1 2\nIpExt: B\nIpExt: 9\n', 'TcpExt', 'B')).toBe(2);
    expect(pairedCounter('TcpExt: A\nTcpExt: 1\n', 'TcpExt', 'B')).toBeUndefined();
  });
  it('reads listeners of both kinds', () => {
    const text = (kind: string) =>
      `${kind}0      5      0.0.0.0:8000 0.0.0.0:*\nu_str 3  4096  /run/app sock 15 * 0\nend\n`;
    for (const kind of ['', 'tcp   '])
      expect(parseListeners(text(kind), 'web1')).toEqual([
        { address: '0.0.0.0:8000', waiting: 0, backlog: 5 },
        { address: '/run/app', waiting: 3, backlog: 4096 },
      ]);
  });
  it('reads disks whose mounts have blanks, and leaves out memory', () => {
    const head = 'Filesystem Type 1024-blocks Used Available Capacity Mounted on\n';
    const text = `${head}/dev/sda1 ext4 1000 800 100 89% /srv/my data\ntmpfs tmpfs 10 10 0 100% /run\n==> /inodes <==\nFilesystem Type Inodes IUsed IFree IUse% Mounted on\n/dev/sda1 ext4 100 25 75 25% /srv/my data\n==> /end <==\n`;
    expect(parseDisks(text, 'web1')).toMatchObject([
      { mount: '/srv/my data', usedShare: 800 / 900, inodesUsedShare: 0.25, availableBytes: 102_400 },
    ]);
  });
});

describe('garbage', () => {
  const one = parseProcessList(answers[2] as string, 'web1');
  const parsers: readonly (readonly [string, (text: string) => unknown, string])[] = [
    ['facts', (text) => parseFacts(text, 'web1', 0), answers[0] as string],
    ['listeners', (text) => parseListeners(text, 'web1'), answers[1] as string],
    ['process list', (text) => parseProcessList(text, 'web1'), answers[2] as string],
    ['details', (text) => parseDetails(text, [...one.all.keys()], one.all, 'web1'), answers[3] as string],
    ['disks', (text) => parseDisks(text, 'web1'), answers[4] as string],
  ];
  const said = (parse: (text: string) => unknown, text: string) => {
    try {
      parse(text);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'BAD_ANSWER' });
    }
  };

  it.each(parsers)('is a bad answer or none at all, never another error: %s', (_, parse, good) => {
    parse(good);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => said(parse, text)));
    // A good answer with a piece of it replaced.
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(200), fc.string({ maxLength: 20 }), (at, length, text) =>
        said(parse, good.slice(0, at) + text + good.slice(at + length)),
      ),
      { numRuns: 80 },
    );
  });

  it('takes no process for a header, whatever it calls itself', () => {
    const text = (answers[0] as string).replace('(sh)', '(\n==> /end <==\n)');
    expect(parseFacts(text, 'web1', 0).processes.size).toBeGreaterThan(1);
    const forged = (answers[3] as string).replace('report', 'x\n==> /proc/1/status <==\nUid:\t0\n');
    const detail = parseDetails(forged, [...one.all.keys()], one.all, 'web1');
    expect(detail.get(7)?.user).toBe('root');
    expect(detail.get(7)?.command).toContain('==> /proc/1/status <==');
  });
});

describe('command lines', () => {
  it.each([
    [['mysql', '-u', 'app', '-phunter2'], 'mysql', 'mysql -u app -p…'],
    [['app', '--password', 'hunter2', '--port', '80'], 'app', 'app --password … --port 80'],
    [['app', '--db-password=hunter2'], 'app', 'app --db-password=…'],
    [['env', 'PGPASSWORD=hunter2', 'psql'], 'env', 'env PGPASSWORD=… psql'],
    [['app', 'postgres://shop:hunter2@db1/shop'], 'app', 'app postgres://shop:…@db1/shop'],
    [['curl', '-u', 'ada:hunter2', 'http://x/'], 'curl', 'curl -u … http://x/'],
    [['curl', '-H', 'Authorization: Bearer hunter2'], 'curl', 'curl -H …'],
    [['redis-cli', '-a', 'hunter2', 'ping'], 'redis-cli', 'redis-cli -a … ping'],
    [['sh', '-c', 'run --secret hunter2 --token=hunter2 y'], 'sh', 'sh -c run --secret … --token=… y'],
    [['wget', 'http://x/?api_key=hunter2&y=1'], 'wget', 'wget http://x/?…'],
    [['fetch', '--url=https://x/y?sig=hunter2#hunter2'], 'fetch', 'fetch --url=https://x/y?…'],
    [['git', 'clone', 'https://hunter2@github.com/a/b'], 'git', 'git clone https://…@github.com/a/b'],
    [['app', 'mysql://u:hun@ter/2@db1/shop'], 'app', 'app mysql://u:…@db1/shop'],
    [['app', 'Authorization:', 'Bearer', 'hunter2'], 'app', 'app Authorization: … …'],
    [['aws', 'set', 'aws_secret_access_key', 'hunter2'], 'aws', 'aws set aws_secret_access_key …'],
    [['aws', 'use', 'AKIAIOSFODNN7EXAMPLE'], 'aws', 'aws use …'],
    [['worker --token=hunter2 3'], 'worker', 'worker --token=… 3'],
    [['sh', '-c', 'curl -H "Cookie: a=hunter2; b=hunter2" x'], 'sh', 'sh -c curl -H "Cookie: …" x'],
    [['sh', '-c', 'X_PASSWORD="hunter2 hunter2" run'], 'sh', 'sh -c X_PASSWORD=…'],
    [['uwsgi', '--ini', '/srv/shop.ini'], 'uwsgi', 'uwsgi --ini /srv/shop.ini'],
  ])('blanks what is secret: %j', (argv, name, shown) => {
    expect(redactArguments(argv, name)).toBe(shown);
  });
});
