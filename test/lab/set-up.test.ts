import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { downLab, type Lab, until, upLab } from '../../lab/index.ts';
import { Bot } from '../../prove/bot.ts';
import { newRoot, prepareLab, sayWhySkipped, withoutLab } from './lab-support.ts';

/** What Warroom may not read is said with the line that mends it: in `doctor`, in the findings, on a card; never as an incident. */
const PARTS = ['web', 'postgres', 'mysql', 'tasks'] as const;
const MENDS: readonly (readonly [target: string, mend: RegExp])[] = [
  ['shopdb on db1', /GRANT pg_monitor TO "?warroom"?;/],
  ['shopdb on db2', /replica|primary/],
  ['crmdb on my2', /take it out of "replicas"/],
  ['edge on web1', /usermod -aG \w+ warroom/],
  ['app on app1', /usermod -aG|chmod|chgrp/],
  ['tasks on worker1', /ACL SETUSER warroom|requirepass/],
];
const run = promisify(execFile);

sayWhySkipped();

describe.skipIf(withoutLab !== undefined)('a stack that nobody prepared', { timeout: 120_000 }, () => {
  const root = newRoot();
  let lab: Lab;
  let bot: Bot;

  beforeAll(async () => {
    prepareLab(PARTS);
    lab = await upLab({ root, only: PARTS });
    await spoil(lab);
    const config = join(root, 'warroom.yaml');
    const { console } = parse(readFileSync(config, 'utf8')) as { console: { publicUrl: string } };
    const tokens = JSON.parse(readFileSync(join(root, 'tokens.json'), 'utf8')) as Record<string, string>;
    bot = new Bot(config, console.publicUrl, tokens, join(root, 'bot.log'));
  }, 600_000);
  afterAll(async () => {
    await bot?.kill('SIGTERM');
    await downLab(root);
  }, 60_000);

  test('doctor, check and the card say the same line for each, and no incident is opened', async () => {
    const doctor = await told(['doctor', '--config', join(root, 'warroom.yaml'), '--json']);
    const rows = doctor as { about: string; state: string; what: string; mend?: string }[];
    const findings = (await told(['check', '--config', join(root, 'warroom.yaml'), '--json'])) as {
      target: string;
      level: string;
      summary: string;
      advice?: string;
    }[];
    await bot.start();
    const onCard = async () => {
      const { setUp } = await bot.status();
      return MENDS.every(([target, mend]) =>
        setUp.some((one) => one.target === target && mend.test(one.mend)),
      );
    };
    await until('the card', onCard, 40_000, 1_000).catch(() => undefined);
    const { setUp } = await bot.status();
    for (const [target, mend] of MENDS) {
      const row = rows.find(
        (one) => one.about === target && one.state === 'missing' && mend.test(one.mend ?? ''),
      );
      expect
        .soft(row?.mend, `doctor of ${target}: ${JSON.stringify(rows.filter((one) => one.about === target))}`)
        .toMatch(mend);
      const unknown = findings.filter(
        (one) => one.target === target.split(' ')[0] && one.level === 'unknown',
      );
      expect.soft(unknown.map((one) => one.advice).join('\n'), `check of ${target}`).toContain(row?.mend);
      const card = setUp.filter((one) => one.target === target);
      expect
        .soft(
          card.map((one) => one.mend),
          `card of ${target}`,
        )
        .toContain(row?.mend);
    }
    // Three rounds and more: unknown would have opened one by now.
    await until(
      'half a minute',
      async () => (await bot.findings()).some((one) => one.level === 'unknown'),
      5_000,
    );
    const about = (await bot.incidents()).map(
      (one) => `${one.title}: ${one.findings.map((f) => f.summary).join(' ')}`,
    );
    expect(about.filter((text) => !text.includes('host.load') && !text.includes('Load '))).toEqual([]);
  });

  test('what is mended is ticked off without a restart', async () => {
    await lab.psql('db1', 'GRANT pg_monitor TO warroom');
    await until(
      'the tick',
      async () =>
        (await bot.status()).setUp.some(
          (one) => one.target === 'shopdb on db1' && one.mend.includes('pg_monitor') && one.done,
        ),
      60_000,
      1_000,
    );
  });

  /** Lines of JSON that a call of the command line prints, whatever its exit code. */
  async function told(words: readonly string[]): Promise<object[]> {
    const done = await run(process.execPath, ['dist/main.js', ...words], { timeout: 60_000 }).catch(
      (thrown: { stdout?: string; stderr?: string }) => ({
        stdout: thrown.stdout ?? '',
        stderr: thrown.stderr,
      }),
    );
    return done.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
  }
});

async function spoil(lab: Lab): Promise<void> {
  await lab.psql('db1', 'REVOKE pg_monitor FROM warroom');
  const secret = (name: string, change: (url: string) => string) => {
    const file = join(lab.root, 'secrets', name);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  };
  // The replica's URL leads to the primary, with a role that may read there.
  const acting = readFileSync(join(lab.root, 'secrets', 'shopdb-act'), 'utf8');
  secret('shopdb-db2', () => acting.replace(/@[^/]+\//, `@${lab.address('db1')}:5432/`));
  secret('crmdb-my2', (url) => url.replace(/@[^/]+\//, `@${lab.address('my1')}:3306/`));
  secret('broker', (url) => url.replace(/:[^:@/]+@/, ':wrong-password@'));
  // A bind mount cannot be replaced, only written.
  await lab.exec('web1', [
    'sh',
    '-c',
    "sed 's/^\\(varnish\\|vcache\\):.*/&/; /^\\(varnish\\|vcache\\):/s/warroom\\(-act\\)\\?//g' /etc/group > /run/group && cat /run/group > /etc/group",
  ]);
  const config = join(lab.root, 'warroom.yaml');
  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace('stats: 127.0.0.1:9191', 'stats: /run/uwsgi-stats.sock'),
  );
  for (const host of ['app1', 'app2', 'app3'])
    await lab.daemon(host, 'closed-socket', [
      'python3',
      '-c',
      'import os, socket, time\nos.umask(0o177)\ns = socket.socket(socket.AF_UNIX)\ns.bind("/run/uwsgi-stats.sock")\ns.listen(1)\ntime.sleep(600)',
    ]);
}
