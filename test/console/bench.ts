import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ConsoleServer } from '../../src/bot/console/contract.ts';
import { startConsole } from '../../src/bot/console/server.ts';
import { Config } from '../../src/config/schema.ts';
import { Secret } from '../../src/config/secret.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { FakeDesk } from './fake-desk.ts';
import { NOW } from './story.ts';

export const SECRETS: Readonly<Record<string, string>> = {
  WALL: randomBytes(16).toString('hex'),
  DEPLOY: randomBytes(16).toString('hex'),
  ADA: randomBytes(16).toString('hex'),
};

/** ada approves, ben operates, eve is listed and may nothing; three tokens. */
export function testConfig(changes: Record<string, unknown> = {}): Config {
  return Config.parse({
    launch: { name: 'Shop relaunch', timezone: 'Europe/Berlin' },
    people: {
      ada: { console: 'ada', may: ['see', 'operate', 'approve'] },
      ben: { console: 'ben', may: ['see', 'operate'] },
      eve: { console: 'eve', may: [] },
    },
    console: {
      listen: '127.0.0.1:0',
      tokens: [
        { name: 'wall', may: ['see'], secret: { env: 'WALL' } },
        { name: 'deploy', may: ['see', 'operate', 'approve'], secret: { env: 'DEPLOY' } },
        { name: 'bot', may: ['see', 'operate', 'approve'], person: 'ada', secret: { env: 'ADA' } },
      ],
      ...changes,
    },
  });
}

export interface Bench {
  readonly desk: FakeDesk;
  readonly link: ConsoleServer['link'];
  readonly store: Store;
  readonly url: string;
  readonly logged: string[];
  config: Config;
  /** The bot's clock, which stands still unless a test moves it. */
  now: number;
  close(): Promise<void>;
  /** The console again on the same port, as after a restart. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A console on a fake desk and a real store, on a port of its own. */
export async function bench(changes: Record<string, unknown> = {}, webRoot = 'dist/web'): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'warroom-console-'));
  const store = openStore(join(folder, 'warroom.db'));
  const logged: string[] = [];
  const write = (fields: object, message: string) => void logged.push(`${JSON.stringify(fields)} ${message}`);
  const made = { config: testConfig(changes), now: NOW };
  const desk = new FakeDesk(
    () => made.config,
    () => made.now,
  );
  const start = () =>
    startConsole({
      desk,
      config: () => made.config,
      store,
      webRoot: resolve(webRoot),
      log: { info: write, warn: write, error: write },
      version: '0.1.0-test',
      secretOf: (source) => new Secret('env' in source ? (SECRETS[source.env] ?? '') : ''),
      now: () => made.now,
    });
  let server = await start();
  const { address } = server;
  return Object.assign(made, {
    desk,
    store,
    logged,
    url: `http://${address}`,
    link: (...given: Parameters<ConsoleServer['link']>) => server.link(...given),
    stop: () => server.close(),
    restart: async () => {
      made.config = { ...made.config, console: { ...made.config.console, listen: address } };
      server = await start();
    },
    close: async () => {
      await server.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}
