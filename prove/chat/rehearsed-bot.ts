import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';

/**
 * The built bot with a rehearsal: each line on its input is a batch of findings, taken as if a round had judged it.
 * `node --import tsx prove/chat/rehearsed-bot.ts CONFIG`; says READY when it takes them.
 */
const [config = ''] = process.argv.slice(2);
const dist = (file: string) => import(join(process.cwd(), 'dist', file));
const { startApp } = (await dist('app.js')) as typeof import('../../src/app.ts');
const { loadConfig } = (await dist('config/load.js')) as typeof import('../../src/config/load.ts');

const log = pino({ base: null }, pino.destination({ fd: 2, sync: true }));
process.on('unhandledRejection', (thrown) =>
  log.error({ err: thrown }, 'a promise was rejected and nobody looked'),
);
const app = await startApp({
  ...{ loaded: loadConfig(resolve(config)), log, version: 'rehearsal', localApprover: false },
  webRoot: join(process.cwd(), 'dist', 'web'),
  onFatal: (problem) => {
    log.fatal(problem);
    process.exit(5);
  },
});
process.on('SIGTERM', () => {
  void app.stop().then(() => process.exit(0));
});
createInterface({ input: process.stdin }).on('line', (line) => {
  app.take(JSON.parse(line) as Parameters<typeof app.take>[0]);
});
process.stdout.write('READY\n');
