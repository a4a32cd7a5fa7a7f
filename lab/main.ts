import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { calibrate } from './calibrate.ts';
import { downLab } from './down.ts';
import { FAULTS } from './faults/index.ts';
import { Lab } from './lab.ts';
import { LIMITS } from './limits.ts';
import { canSudo, labPossible } from './packages.ts';
import { PARTS, partsOf } from './plan.ts';
import { switchRabbitmq } from './rabbitmq.ts';
import { readState } from './state.ts';
import { labStatus } from './status.ts';
import { summary } from './summary.ts';
import { upLab } from './up.ts';

interface Options {
  readonly root: string;
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly seconds?: string;
  readonly host?: string;
  readonly only?: string;
}

const IMPOSSIBLE = 3;
const program = new Command('lab').description(
  'The rehearsal: a small real stack on this machine, its traffic and its faults.',
);
const say = (line: string) => process.stderr.write(`${line}\n`);
const show = (value: object, json: boolean | undefined, text: string) =>
  process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`);

function command(spec: string, about: string): Command {
  return program
    .command(spec)
    .description(about)
    .option('--root <dir>', 'folder of the lab', '/tmp/warroom-lab')
    .option('--json', 'answer in JSON');
}

command('up', 'starts the stack')
  .option('--only <parts>', `only some of it: ${PARTS.join(',')}`)
  .action(async (options: Options) => {
    const before = readState(resolve(options.root))?.complete;
    const started = Date.now();
    const only = options.only === undefined ? {} : { only: partsOf(options.only) };
    await upLab({ root: options.root, say, ...only });
    const status = labStatus(options.root);
    const how = before ? 'Up already' : `Up in ${((Date.now() - started) / 1000).toFixed(1)} s`;
    const call = 'npm run lab --';
    const fault = FAULTS.find((one) => one.parts?.every((part) => status.parts.includes(part)))?.name;
    show(
      status,
      options.json,
      `${how}: ${status.public ?? status.parts.join(', ')}
Watch it:  node dist/main.js start --config ${status.config}
Visitors:  ${status.public ? `${call} traffic default --root ${status.root}` : 'only where web is up'}
A fault:   ${call} fault ${fault ?? 'pinned-core'} on --root ${status.root}
The end:   ${call} down --root ${status.root}`,
    );
  });

command('down', 'ends it without a trace')
  .option('--keep', 'keep the folder, with its logs')
  .action(async (options: Options) => {
    const was = await downLab(options.root, { keep: options.keep ?? false });
    show({ down: was }, options.json, was ? `Down: ${options.root}` : `No lab was up in ${options.root}.`);
  });

command('status', 'what is up, where, and how the visitors fare').action((options: Options) => {
  if (!readState(resolve(options.root))) {
    show({ up: false }, options.json, `No lab is up in ${options.root}.`);
    process.exitCode = 1;
    return;
  }
  const status = labStatus(options.root);
  show(status, options.json, summary(status));
});

command('traffic <rate>', 'visitors: requests a second from client1, "default", or "stop"')
  .option('--seconds <n>', 'end by itself after', String(LIMITS.trafficSeconds))
  .action(async (rate: string, options: Options) => {
    const lab = new Lab(options.root);
    const wanted = wantedRate(rate, lab);
    const seconds = Number(options.seconds);
    if (!(seconds > 0))
      throw new RangeError(`--seconds must be a positive number, not "${options.seconds}".`);
    await lab.traffic(wanted, seconds);
    const text = wanted > 0 ? `${wanted} requests/s, for ${seconds} s at most.` : 'No traffic.';
    show({ rate: wanted, seconds }, options.json, text);
  });

command('fault <name> <switch>', `on or off: ${FAULTS.map((fault) => fault.name).join(', ')}`)
  .option('--host <name>', 'the host to break, where there is a choice')
  .action(async (name: string, onOff: string, options: Options) => {
    if (onOff !== 'on' && onOff !== 'off') throw new RangeError(`Say on or off, not "${onOff}".`);
    const host = options.host === undefined ? {} : { host: options.host };
    await new Lab(options.root).fault(name, onOff === 'on', host);
    show({ [name]: onOff }, options.json, `${name} is ${onOff}.`);
  });

command('rabbitmq <switch>', 'on or off: a second broker on queue1, with a worker of its own').action(
  async (onOff: string, options: Options) => {
    if (onOff !== 'on' && onOff !== 'off') throw new RangeError(`Say on or off, not "${onOff}".`);
    await switchRabbitmq(new Lab(options.root), onOff === 'on', say);
    show({ rabbitmq: onOff }, options.json, `RabbitMQ is ${onOff}.`);
  },
);

command('calibrate', 'finds the traffic that saturates three application servers and not five').action(
  async (options: Options) => {
    const result = await calibrate(new Lab(options.root), say);
    show(result, options.json, `${result.rate} requests/s`);
  },
);

function wantedRate(text: string, lab: Lab): number {
  if (text === 'default') return lab.defaultRate;
  const rate = text === 'stop' ? 0 : Number(text);
  if (!(rate >= 0 && rate <= 1000))
    throw new RangeError(
      `The rate must be from 0 to 1000 requests a second, "default" or "stop", not "${text}".`,
    );
  return rate;
}

/** The same call once more as root. */
function asRoot(): number {
  const argv = [
    '-n',
    '--preserve-env=PATH,CI',
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
  ];
  return spawnSync('sudo', argv, { stdio: 'inherit' }).status ?? 1;
}

async function main(): Promise<number> {
  const helpOnly = process.argv.length < 3 || process.argv.some((word) => word === '--help' || word === '-h');
  if (!helpOnly) {
    if (process.getuid?.() !== 0 && canSudo()) return asRoot();
    const possible = labPossible();
    if (!possible.possible) {
      say(`The lab cannot run here: ${possible.reason}.`);
      return IMPOSSIBLE;
    }
  }
  await program.parseAsync();
  return Number(process.exitCode ?? 0);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (thrown: unknown) => {
    say(thrown instanceof Error ? thrown.message : String(thrown));
    process.exitCode = 2;
  },
);
