import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import type { ChatContext } from '../../src/bot/chat/contract.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Message } from '../../src/message/contract.ts';
import { renderPlain } from '../../src/message/plain.ts';
import type { Identity } from '../../src/people/person.ts';
import { openStore } from '../../src/store/store.ts';
import { TestPlatform } from './test-platform.ts';

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const ada: Identity = { platform: 'test', id: 'ada', display: 'Ada', kind: 'member' };
const stranger: Identity = { platform: 'test', id: 'zoe', display: 'Zoe', kind: 'stranger' };
const plain = (message: Message) => renderPlain(message, { timezone: 'UTC', width: 300, lines: 100 });

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'warroom-app-'));
  stops.push(() => rmSync(made, { recursive: true }));
  return made;
}

async function started(at: string, platform: TestPlatform): Promise<{ app: App; context: ChatContext }> {
  const text = [
    'hosts: { me: { local: true } }',
    'console: { listen: "127.0.0.1:0" }',
    `store: sqlite:${at}/warroom.db`,
    'people: { ada: { console: ada, may: [see, operate, approve] }, otto: { console: otto, may: [see, operate] } }',
  ].join('\n');
  let context: ChatContext | undefined;
  const app = await startApp({
    ...{ loaded: parseConfig('test.yaml', text), log: pino({ level: 'silent' }), version: 'test' },
    ...{ localApprover: false, webRoot: at },
    platforms: (contextOf) => {
      context = contextOf('test');
      return [{ port: platform, start: async () => undefined, stop: async () => undefined }];
    },
    onFatal: (problem) => {
      throw new Error(problem);
    },
  });
  stops.push(() => app.stop());
  return { app, context: context as ChatContext };
}

const shown = (platform: TestPlatform, post: string) =>
  platform.shown.filter((one) => one.post === post).map((one) => plain(JSON.parse(one.json) as Message));

it('greets a channel once, pins one board, answers people by their rights, and tells of its absence', async () => {
  const at = folder();
  const platform = new TestPlatform();
  const first = await started(at, platform);
  await expect.poll(() => platform.pinned.length, { timeout: 30_000 }).toBe(1);
  await expect.poll(() => shown(platform, 'hello').length, { timeout: 30_000 }).toBe(1);
  expect(shown(platform, 'hello')[0]).toContain('Approvers: ada');
  expect(shown(platform, 'board')[0]).toContain('nothing is open');

  const { desk } = first.context;
  expect(plain(await desk.launch('status', ada))).toContain('This machine');
  expect(plain(await desk.launch('status', stranger))).toContain('You may not use status');
  expect(plain(await desk.launch('nonsense', stranger))).toContain('You may not use Warroom');
  expect(plain(await desk.launch('mark "v2 out" --here', ada))).toBe('Shown in the launch channel.');
  await expect
    .poll(() => platform.shown.map((one) => plain(JSON.parse(one.json) as Message)), { timeout: 30_000 })
    .toContainEqual(expect.stringContaining('ada asked: mark "v2 out"'));
  const caught = plain(await desk.launch('catch-up 1h', ada));
  expect(caught).toContain('Mark: v2 out');
  expect(caught.split('\n').length).toBeLessThanOrEqual(11);
  const form = desk.form('launch', ada);
  expect('fields' in form && form.fields.map((field) => field.name)).toEqual(['command', 'words', 'shown']);
  expect(plain(await desk.submit('launch', { command: 'whoami', shown: 'me' }, ada))).toContain(
    'You are ada',
  );
  expect(plain(desk.form({ kind: 'silence', id: '99' }, ada) as Message)).toContain('no incident 99');
  const forged = desk.form({ kind: 'parameters', id: '99.cache-rule' }, ada) as Message;
  expect(plain(forged)).toContain('no incident 99');
  const values = { service: 'edge', form: 'ttl', pattern: '/old/' };
  expect(plain(await desk.submit('fix:99.cache-rule', values, ada))).toContain('no incident 99');
  expect(plain(await desk.press({ kind: 'approve', id: '9-A', planHash: 'x' }, ada))).toContain(
    'no proposal',
  );

  await first.app.stop();
  stops.pop();
  // As if nobody had watched for 200 s.
  const store = openStore(join(at, 'warroom.db'));
  const back = Date.now() - 200_000;
  await store.db.updateTable('lease').set({ renewed_at: back }).execute();
  await store.close();
  const again = await started(at, platform);
  await expect
    .poll(async () => plain(await again.context.desk.launch('catch-up', ada)), { timeout: 30_000 })
    .toContain('Since');
  // The channel was greeted before: what it has is edited, nothing is posted twice.
  await expect.poll(() => again.app.desk.notes().length, { timeout: 30_000 }).toBeGreaterThan(0);
  expect(shown(platform, 'hello')).toHaveLength(1);
  expect(shown(platform, 'board')).toHaveLength(1);
  expect(platform.pinned).toHaveLength(1);
  const all = () => platform.shown.map((one) => plain(JSON.parse(one.json) as Message));
  await expect
    .poll(all, { timeout: 30_000 })
    .toContainEqual(expect.stringMatching(/^I was away .* \(3 min 2\d s\)/));
}, 90_000);

it('writes every refusal into the audit log: of commands, of forms, and of what a command refuses by itself', async () => {
  const at = folder();
  const { context } = await started(at, new TestPlatform());
  const { desk } = context;
  const otto: Identity = { ...ada, id: 'otto', display: 'Otto' };
  expect(plain(desk.form({ kind: 'silence', id: '7' }, stranger) as Message)).toContain('You may not');
  expect(plain(desk.form({ kind: 'ask-again', id: '7-A' }, stranger) as Message)).toContain('You may not');
  expect(plain(desk.form('launch', stranger) as Message)).toContain('You may not');
  expect(plain(await desk.launch('silence all 1h because', otto))).toContain('You may not');
  expect(plain(await desk.launch('hands-off off', otto))).toContain('You may not');
  await expect
    .poll(() => refusals(at))
    .toEqual([
      'silence refused Zoe (test:zoe) {"id":"7"}',
      'ask-again refused Zoe (test:zoe) {"id":"7-A"}',
      'the form of /launch refused Zoe (test:zoe) {}',
      'silence refused otto (test:otto) {"scope":"all","time":"1h","reason":"because"}',
      'hands-off refused otto (test:otto) {"switch":"off"}',
    ]);
});

it('takes no silence without a reason from a form, and shows a long one cut', async () => {
  const at = folder();
  const { context } = await started(at, new TestPlatform());
  const { desk } = context;
  expect(plain(await desk.submit('silence:1', { scope: 'all', time: '1h' }, ada))).toContain('say why');
  expect(plain(await desk.submit('silence:1', { scope: 'all' }, ada))).toContain('at most 24h');
  const reason = `${'r'.repeat(198)}😀😀`;
  expect(plain(await desk.submit('silence:1', { scope: 'all', time: '1h', reason }, ada))).toContain(
    'Silenced',
  );
  expect(plain(await desk.launch('status', ada))).toContain(`(ada: ${'r'.repeat(198)}…)`);
});

function refusals(at: string): string[] {
  const db = new Database(join(at, 'warroom.db'), { readonly: true });
  try {
    const rows = db.prepare('select what, who, json from audit order by seq').all() as {
      what: string;
      who: string;
      json: string;
    }[];
    return rows
      .filter(({ what }) => / refused$/.test(what))
      .map(({ what, who, json }) => `${what} ${who} ${json}`);
  } finally {
    db.close();
  }
}
