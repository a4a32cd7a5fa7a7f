import { Command, Option } from 'commander';
import { auditVerify } from './bot/terminal/audit.ts';
import { check, diagnoseOnce } from './bot/terminal/check.ts';
import { doctor } from './bot/terminal/doctor.ts';
import { EXIT, fail } from './bot/terminal/exit.ts';
import { launch } from './bot/terminal/launch.ts';
import { link, reload } from './bot/terminal/link.ts';
import { start } from './start.ts';
import { VERSION } from './version.ts';

const program = new Command('warroom')
  .description(
    'The bot in a launch channel: sees every layer, says what is wrong and why, carries out approved fixes under guard.',
  )
  .version(VERSION)
  .showHelpAfterError('(--help shows how)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage));

const config = () => new Option('-c, --config <file>', 'the config file').env('WARROOM_CONFIG');

program
  .command('start', { isDefault: true })
  .description('the bot; with no config it watches this machine and what it finds listening')
  .addOption(config())
  .option(
    '--local-approver',
    'with no people in the config, whoever signs in by a link may approve too',
    false,
  )
  .action(start);
program
  .command('check')
  .description(
    'two samples of everything, one finding a line; exit 0 ok, 1 warn, 2 critical, 3 unknown, 4 bad config',
  )
  .addOption(config())
  .option('--only <ids...>', 'checks or systems')
  .option('--sample <time>', 'between the two samples', '2s')
  .option('--json', 'one JSON object a line', false)
  .action(check);
program
  .command('diagnose')
  .description('the same, with causes and what would be proposed')
  .addOption(config())
  .option('--sample <time>', 'between the two samples', '6s')
  .option('--json', 'one JSON object', false)
  .action(diagnoseOnce);
program
  .command('launch')
  .description('what /launch <command> answers')
  .argument('<command...>', 'the command, as in the channel')
  .addOption(config())
  .option('--json', 'the message as JSON', false)
  .action(launch);
program
  .command('link')
  .description('a single-use link, 10 minutes, that signs that person in')
  .argument('<name>', 'a person of the config')
  .addOption(config())
  .action(link);
program
  .command('doctor')
  .description('what works, which right is missing, and the line that mends it')
  .addOption(config())
  .option('--json', 'as JSON', false)
  .action(doctor);
program
  .command('reload')
  .description('rereads the config: whole or not at all')
  .addOption(config())
  .action(reload);
program
  .command('audit')
  .description('the audit log')
  .command('verify')
  .description('whether it is whole')
  .addOption(config())
  .option('--against <hash>', 'the beginning of a hash that was noted elsewhere')
  .action(auditVerify);

// `warroom check | head` closes the pipe: whoever reads no further is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode);
});

program.parseAsync().catch(fail);
