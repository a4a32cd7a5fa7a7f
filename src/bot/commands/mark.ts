import { say } from '../../message/build.ts';
import { cut } from '../../message/plain.ts';
import { answer } from './answer.ts';
import type { Command } from './contract.ts';

export const mark: Command = {
  name: 'mark',
  short: [],
  summary: 'A mark on the timeline: a deploy, a newsletter, a step of the launch',
  example: 'mark "v2 out"',
  arguments: [{ name: 'text', about: 'what happened', kind: 'text', required: true }],
  flags: [],
  needs: 'operate',
  run: async ({ args }, asker, desk) => {
    const text = cut(args['text'] as string, 200);
    await desk.mark(text, asker.name);
    return answer(say`Marked: ${text}`);
  },
};
