import type { Discord } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import type { ChatContext, ChatPlatform } from '../chat/contract.ts';
import { Gateway } from './gateway.ts';
import { DiscordPort } from './port.ts';
import { Receiver } from './receive.ts';
import { registerCommands } from './register.ts';
import { DiscordRest } from './rest.ts';
import { TIMINGS, type Timings } from './timings.ts';

export { examineDiscord } from './doctor.ts';

/** Discord: a port for the outbox, and a gateway connection for what people press and type. */
export function discordPlatform(
  settings: Discord,
  secrets: { readonly token: Secret },
  context: ChatContext,
  timings: Timings = TIMINGS,
): ChatPlatform {
  const rest = new DiscordRest(settings, secrets.token, context.log, timings.callMs, context.now);
  const receiver = new Receiver(settings, rest, context);
  const stopped = new AbortController();
  let registering: Promise<void> = Promise.resolve();
  const gateway = new Gateway({
    ...{ settings, rest, context, timings },
    onInteraction: (interaction) => receiver.take(interaction),
    onReady: (application) => {
      registering = registering.then(() =>
        registerCommands(settings, rest, context, application, stopped.signal),
      );
    },
  });
  return {
    port: new DiscordPort(settings, rest, context),
    start: () => gateway.start(),
    async stop() {
      stopped.abort();
      // Answers go over REST, so that what is in hand can be told after the socket is closed.
      await Promise.all([gateway.stop(), receiver.stop(timings.drainMs)]);
    },
  };
}
