import { Command } from 'commander';
import { calibrate } from './calibrate.ts';
import { FAULTS } from './faults/index.ts';
import { Lab } from './lab.ts';
import { LIMITS } from './limits.ts';
import { labPossible } from './packages.ts';
import { readState } from './state.ts';
import { labStatus } from './status.ts';
import { downLab, upLab } from './up.ts';

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

interface Options {
  readonly root: string;
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly seconds?: string;
}

command('up', 'starts the stack').action(async (options: Options) => {
  const possible = labPossible();
  if (!possible.possible) {
    say(`The lab cannot run here: ${possible.reason}.`);
    process.exitCode = 3;
    return;
  }
  const started = Date.now();
  await upLab({ root: options.root, say });
  const status = labStatus(options.root);
  show(
    status,
    options.json,
    `Up in ${((Date.now() - started) / 1000).toFixed(1)} s: ${status.public}\nWatch it:  node dist/main.js start --config ${status.config}\nTraffic:   npm run lab -- traffic ${LIMITS.rate} --root ${options.root}`,
  );
});
command('down', 'ends it without a trace')
  .option('--keep', 'keep the folder')
  .action(async (options: Options) => {
    const state = readState(options.root);
    await downLab(options.root, { keep: options.keep ?? false });
    show(
      { down: true },
      options.json,
      state ? `Down: ${options.root}` : `Nothing was up in ${options.root}.`,
    );
  });
command('status', 'what is up, where, and how it goes').action((options: Options) => {
  const status = readState(options.root) ? labStatus(options.root) : { up: false };
  show(status, options.json, JSON.stringify(status, null, 2));
});
command('traffic <rate>', 'visitors a second, from client1; 0 stops them')
  .option('--seconds <n>', 'ends by itself after', String(LIMITS.trafficSeconds))
  .action(async (rate: string, options: Options) => {
    const wanted = rate === 'default' ? LIMITS.rate : Number(rate);
    if (!Number.isFinite(wanted) || wanted < 0 || wanted > 1000)
      throw new RangeError(`The rate must be a number from 0 to 1000 requests a second, not "${rate}".`);
    await new Lab(options.root).traffic(wanted, Number(options.seconds));
    show(
      { rate: wanted },
      options.json,
      wanted > 0 ? `${wanted} requests/s for ${options.seconds} s at most.` : 'Stopped.',
    );
  });
command('fault <name> <switch>', `on or off: ${FAULTS.map((fault) => fault.name).join(', ')}`).action(
  async (name: string, onOff: string, options: Options) => {
    if (onOff !== 'on' && onOff !== 'off') throw new RangeError(`Say on or off, not "${onOff}".`);
    await new Lab(options.root).fault(name, onOff === 'on');
    show({ [name]: onOff }, options.json, `${name} is ${onOff}.`);
  },
);
command('calibrate', 'finds the traffic that saturates three application servers and not five').action(
  async (options: Options) => {
    const result = await calibrate(new Lab(options.root), say);
    show(result, options.json, `${result.rate} requests/s`);
  },
);

program.parseAsync().catch((thrown: unknown) => {
  say(thrown instanceof Error ? thrown.message : String(thrown));
  process.exitCode = 2;
});
