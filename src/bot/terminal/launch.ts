import { userInfo } from 'node:os';
import type { Message } from '../../message/contract.ts';
import { renderPlain } from '../../message/plain.ts';
import { socketOf } from './link.ts';
import { openConfig } from './open-config.ts';
import { askBot } from './socket.ts';

/** `warroom launch …`: asks the running bot, prints what it answers. */
export async function launch(
  words: readonly string[],
  options: { readonly config?: string; readonly json: boolean },
): Promise<void> {
  const { timezone } = openConfig(options.config).loaded.config.launch;
  const text = words.map((word) => (/\s/.test(word) ? `"${word.replaceAll('"', "'")}"` : word)).join(' ');
  const message = (await askBot(socketOf(options.config), {
    op: 'launch',
    text,
    user: userInfo().username,
  })) as Message;
  process.stdout.write(
    options.json
      ? `${JSON.stringify(message)}\n`
      : `${renderPlain(message, { timezone, width: process.stdout.columns ?? 120, lines: 200 })}\n`,
  );
}
