import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { SlackStandIn } from './stand-in/index.ts';
import { until } from './support.ts';

/** Writes the file and all that it imports as plain ECMAScript modules, as the build does. */
function built(entry: string, into: string): void {
  const seen = new Set<string>();
  const write = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const target = join(into, relative('.', file).replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
    for (const [, path] of outputText.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)\.js['"]/g))
      write(resolve(dirname(file), `${path}.ts`));
  };
  write(resolve(entry));
}

const SCRIPT = `
import { pino } from 'pino';
import { slackPlatform } from './src/bot/slack/index.js';
import { Secret } from './src/config/secret.js';
const config = { launch: { timezone: 'UTC' }, people: {} };
const platform = slackPlatform(
  { channel: 'C0LAUNCH', botToken: { env: 'X' }, mode: 'socket', listen: '127.0.0.1:0', api: process.argv[2] },
  { botToken: new Secret(process.argv[3]), appToken: new Secret(process.argv[4]) },
  {
    desk: { launch: async (text) => ({ blocks: [{ kind: 'text', text: [{ kind: 'plain', text: 'plain node: ' + text }] }] }) },
    config: () => config, log: pino({ level: 'silent' }), health: () => () => undefined, now: Date.now,
  },
);
await platform.start();
process.stdin.resume();
process.stdin.on('end', async () => { await platform.stop(); process.exit(0); });
`;

it('runs as plain ECMAScript modules in plain Node, and ends when it is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'warroom-slack-'));
  const slack = await new SlackStandIn().start();
  try {
    built('src/bot/slack/index.ts', folder);
    built('src/config/secret.ts', folder);
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'start.js'), SCRIPT);
    const child = spawn(
      process.execPath,
      ['start.js', slack.api, slack.world.botToken, slack.world.appToken],
      {
        cwd: folder,
        stdio: ['pipe', 'ignore', 'pipe'],
      },
    );
    let said = '';
    child.stderr.on('data', (part) => (said += String(part)));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const early = ended.then(() => said);
    await Promise.race([
      until('both sockets', () => slack.link.greeted === 2),
      early.then((text) => expect(text).toBe('')),
    ]);
    slack.command('U0ADA', 'status');
    await until('the answer', () => slack.world.ephemerals.some(({ text }) => text === 'plain node: status'));
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(said).toBe('');
  } finally {
    await slack.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
