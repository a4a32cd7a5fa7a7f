import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type App, startApp } from './app.ts';
import { EXIT, fail } from './bot/terminal/exit.ts';
import { openConfig, readConfig } from './bot/terminal/open-config.ts';
import { openLog } from './log.ts';
import { VERSION } from './version.ts';

export interface StartOptions {
  readonly config?: string;
  readonly localApprover: boolean;
}

/** `warroom start`: runs until a signal. Signs in on the console by the link that it prints. */
export async function start(options: StartOptions): Promise<void> {
  const log = openLog();
  process.on('unhandledRejection', (thrown) =>
    log.error({ err: thrown }, 'a promise was rejected and nobody looked'),
  );
  let app: App | undefined;
  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    await app?.stop();
    process.exit(code);
  };
  try {
    const { loaded, file, notes } = openConfig(options.config);
    for (const note of notes) log.info(note);
    app = await startApp({
      loaded,
      log,
      version: VERSION,
      localApprover: options.localApprover,
      webRoot: fileURLToPath(new URL('../dist/web', import.meta.url)),
      ...(file === undefined ? {} : { reread: () => readConfig(file) }),
      onFatal: (problem) => {
        log.fatal(problem);
        void stop(EXIT.running);
      },
    });
    process.on('SIGTERM', () => void stop(0));
    process.on('SIGINT', () => void stop(0));
    const running = app;
    process.on('SIGHUP', () =>
      running.reload().then(
        (said) => log.info(said),
        (thrown: unknown) => log.error({ err: thrown }, 'the config was not taken'),
      ),
    );
    const [first] = Object.keys(loaded.config.people);
    process.stdout.write(
      `Warroom ${VERSION} watches ${loaded.config.launch.name}.\nConsole: ${app.address}\nSign in once, within 10 minutes: ${await app.link(first ?? 'me')}\n`,
    );
    if (process.env['SSH_CONNECTION'])
      process.stdout.write(
        `From your own machine first:  ssh -L ${portOf(app.address)}:127.0.0.1:${portOf(app.address)} ${machine()}\n`,
      );
  } catch (thrown) {
    fail(thrown);
    const code = process.exitCode;
    await app?.stop();
    process.exit(code === undefined ? EXIT.failed : Number(code));
  }
}

function portOf(address: string): string {
  return new URL(address).port;
}

function machine(): string {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find((one) => !one.internal && one.family === 'IPv4');
  return own?.address ?? 'this-machine';
}
