import { dirname } from 'node:path';
import { storePath } from '../../store/store.ts';
import { openConfig } from './open-config.ts';
import { askBot, socketPath } from './socket.ts';

export async function link(name: string, options: { readonly config?: string }): Promise<void> {
  process.stdout.write(`${String(await askBot(socketOf(options.config), { op: 'link', name }))}\n`);
}

export async function reload(options: { readonly config?: string }): Promise<void> {
  process.stdout.write(`${String(await askBot(socketOf(options.config), { op: 'reload' }))}\n`);
}

/** Where the bot of this config listens for the command line. */
export function socketOf(config: string | undefined): string {
  return socketPath(dirname(storePath(openConfig(config).loaded.config.store)));
}
