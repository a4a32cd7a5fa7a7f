import type { Proof } from '../proof.ts';
import { badConfig } from './bad-config.ts';
import { chatHostile } from './chat-hostile.ts';
import { chatKill } from './chat-kill.ts';
import { chatStorm } from './chat-storm.ts';
import { checksProof } from './checks.ts';
import { consoleProof } from './console.ts';
import { firstStart } from './first-start.ts';
import { healthy } from './healthy.ts';
import { healthyAll } from './healthy-all.ts';
import { kill9 } from './kill-9.ts';
import { secrets } from './secrets.ts';
import { story1 } from './story-1.ts';
import { story1Discord, story1Slack } from './story-1-chat.ts';
import { unplugged } from './unplugged.ts';
import { wrongFix } from './wrong-fix.ts';

/** Every promised thing; a new one is a file and a line here. */
export const PROOFS: readonly Proof[] = [
  firstStart,
  story1,
  story1Slack,
  story1Discord,
  chatHostile,
  chatStorm,
  chatKill,
  wrongFix,
  kill9,
  healthy,
  healthyAll,
  checksProof,
  badConfig,
  consoleProof,
  secrets,
  unplugged,
];
