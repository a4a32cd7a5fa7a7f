import { z } from 'zod';
import { WarroomError } from '../../errors/catalogue.ts';
import { httpGet } from '../../targets/http-get.ts';
import { defineStep, type StepContext } from '../contract.ts';
import { until } from './wait.ts';

const HealthyArgs = z.strictObject({
  address: z.string(),
  port: z.int(),
  path: z.string(),
  host: z.string(),
});
export type HealthyArgs = z.infer<typeof HealthyArgs>;

const TRIES = 3;

/** Asks a server directly, from the host that will send it requests. Changes nothing. */
export const httpHealthy = defineStep<HealthyArgs>({
  type: 'http.healthy',
  version: 1,
  args: HealthyArgs,
  timeoutMs: 15_000,
  describe: (args) => ({
    command: `GET http://${args.address}:${args.port}${args.path} answers 200`,
    undo: null,
  }),
  apply: async (args, context) => {
    let left = TRIES;
    await until(context.signal, 500, async () => {
      const { status } = await get(args, context);
      left = status === 200 ? left - 1 : TRIES;
      if (status !== 200)
        throw new WarroomError('COMMAND_FAILED', {
          target: context.host,
          command: `GET http://${args.address}:${args.port}${args.path}`,
          status,
          problem: 'the server is not well',
        });
      return left <= 0 ? true : undefined;
    });
  },
  look: async (args, context) => ((await get(args, context)).status === 200 ? 'present' : 'absent'),
});

function get(args: HealthyArgs, context: StepContext) {
  return httpGet(
    context.targets.reading(context.host),
    { host: args.address, port: args.port },
    { path: args.path, host: args.host, signal: context.signal },
  );
}
