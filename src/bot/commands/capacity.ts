import { CapacityThresholds, capacityEvidence, capacityOf, plannedFor } from '../../checks/stack/index.ts';
import { own, say } from '../../message/build.ts';
import { figure } from '../../message/figures.ts';
import { evidenceBlocks } from '../views/evidence.ts';
import { answer, problem } from './answer.ts';
import type { Command } from './contract.ts';

const MOST_TIMES = 100;

/** `capacity [xN]`: how many application servers the load of the moment needs, or N times that. */
export const capacity: Command = {
  name: 'capacity',
  short: ['cap'],
  summary: 'How many application servers this load needs, or one N times as high',
  example: 'capacity x2',
  arguments: [
    {
      name: 'times',
      about: 'a load so many times as high: x2',
      kind: 'word',
      required: false,
      choices: () => ['x2', 'x3', 'x5'],
    },
  ],
  flags: [],
  needs: 'see',
  run: async ({ args }, _asker, desk) => {
    const times = timesOf(args['times']);
    if (times === undefined)
      return problem('BAD_ARGUMENT', {
        command: 'capacity',
        problem: `"${args['times']}" is no factor from 0.1 to ${MOST_TIMES}; write x2 or x1.5.`,
      });
    const { stack } = desk;
    const apps = stack.of('uwsgi');
    if (apps.length === 0) return answer(say`This config watches no application (uwsgi) to reckon for.`);
    const limits = CapacityThresholds.parse(thresholdsOf(desk.config.checks['stack.capacity']));
    const parts = apps.map(({ name }) => {
      const found = capacityOf(name, { stack, history: desk.seen.history }, limits);
      if (!found) return answer(say`No request reaches ${name}: what one costs is not known.`).blocks;
      const needed = Math.max(1, Math.ceil(found.needed * times));
      const planned = plannedFor(name, stack);
      const room = found.needed > 0 ? found.inUse.length / found.needed : undefined;
      return [
        ...answer(
          say`${times === 1 ? own('This load needs') : own(`${times} times this load needs`)} ${own(needed === 1 ? '1 server' : `${needed} servers`)} of ${name}, ${own(planned.words)}; ${own(`${found.inUse.length} in use carry ${room === undefined ? 'any' : `${figure(room, 'count')} times this`} load, ${found.fillsFirst === 'CPU' ? 'CPU fills' : 'workers fill'} first.`)}`,
        ).blocks,
        ...evidenceBlocks(capacityEvidence(found, stack, limits, times)),
      ];
    });
    return { blocks: parts.flat() };
  },
};

function timesOf(word: string | undefined): number | undefined {
  if (word === undefined) return 1;
  const times = Number(/^x?(\d{1,3}(?:\.\d{1,2})?)$/i.exec(word)?.[1] ?? Number.NaN);
  return times >= 0.1 && times <= MOST_TIMES ? times : undefined;
}

/** What the config says of the check holds here as well. */
function thresholdsOf(override: unknown): object {
  return typeof override === 'object' && override !== null ? override : {};
}
