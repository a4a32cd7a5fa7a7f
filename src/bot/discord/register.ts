import { setTimeout as sleep } from 'node:timers/promises';
import { Routes } from 'discord.js';
import type { Discord } from '../../config/schema.ts';
import { reason } from '../../errors/catalogue.ts';
import type { ChatContext } from '../chat/contract.ts';
import { grammarOf, isRegistered } from './commands.ts';
import { mends } from './mends.ts';
import { problemOf } from './problems.ts';
import type { DiscordRest } from './rest.ts';

const TRIES = 6;
const FIRST_MS = 1_000;

/** Keeps `/launch` of our server as the grammar is; written only when it differs, since Discord counts the writes. */
export async function registerCommands(
  settings: Discord,
  rest: DiscordRest,
  context: ChatContext,
  application: string,
  signal: AbortSignal,
): Promise<void> {
  const report = context.health('commands');
  const route = Routes.applicationGuildCommands(application, settings.guild);
  for (let tried = 1; !signal.aborted; tried += 1) {
    try {
      const { definition } = grammarOf(context.desk.commands());
      const registered = await rest.get<unknown[]>(route);
      if (!isRegistered(registered, definition)) {
        await rest.put(route, { body: [definition] });
        context.log.info({ subcommands: definition.options?.length }, 'Discord: /launch was registered');
      }
      report('ok', '/launch is registered');
      return;
    } catch (thrown) {
      const known = mends(settings, application);
      const problem = problemOf(thrown, 'change', { ...known, access: known.commands });
      report('degraded', `/launch could not be registered: ${reason(thrown)}`, problem.mend);
      if (problem.kind !== 'retry' || tried >= TRIES) return;
      const wait = problem.afterMs ?? FIRST_MS * 2 ** tried * (0.5 + Math.random() / 2);
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}
