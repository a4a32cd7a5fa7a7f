import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Bot, botFor } from '../bot.ts';
import type { ChatStage } from '../chat/stage.ts';
import type { Act } from '../proof.ts';

const WHO = 'ada';
const MAY = ['see', 'operate', 'approve'];

/** A bot that watches nothing but itself, with its store in `dir`, and with a chat platform where one is given. */
export async function botAlone(act: Act, dir: string, chat?: ChatStage): Promise<Bot> {
  const root = act.folder();
  const token = randomBytes(24).toString('base64url');
  writeFileSync(join(root, 'tokens.json'), JSON.stringify({ [WHO]: token }), { mode: 0o600 });
  writeFileSync(join(root, 'token'), token, { mode: 0o600 });
  const listen = `127.0.0.1:${await freePort()}`;
  const config = {
    launch: { name: 'Shop relaunch' },
    console: {
      listen,
      publicUrl: `http://${listen}`,
      tokens: [{ name: WHO, secret: { file: join(root, 'token') }, person: WHO, may: MAY }],
    },
    people: { [WHO]: { console: WHO, may: MAY, ...(chat ? { [chat.platform]: chat.ids[WHO] } : {}) } },
    ...(chat ? { chat: { [chat.platform]: chat.settings } } : {}),
    store: `sqlite:${join(dir, 'warroom.db')}`,
  };
  writeFileSync(join(root, 'warroom.yaml'), stringify(config, { lineWidth: 0 }));
  return botFor(act, root, join(root, 'warroom.yaml'), chat?.env);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
