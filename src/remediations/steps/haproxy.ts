import { z } from 'zod';
import { WarroomError } from '../../errors/catalogue.ts';
import {
  askHaproxyOnce,
  draining,
  inMaintenance,
  parseBackendLoad,
  parseServerStates,
  type ServerState,
  serving,
} from '../../targets/haproxy-socket.ts';
import { defineStep, type Look, type StepContext } from '../contract.ts';
import { actingOn, serviceOf } from './acting.ts';
import { until, untilOrGiveUp } from './wait.ts';

const name = z.string().regex(/^[A-Za-z0-9_.-]+$/);
const ServerArgs = z.strictObject({
  service: z.string(),
  backend: name,
  server: name,
  address: z.string(),
  port: z.int(),
  /** As its neighbours have them: a server added at run time does not take the file's default-server line. */
  weight: z.int(),
  maxconn: z.int(),
});
export type ServerArgs = z.infer<typeof ServerArgs>;
const DrainArgs = z.strictObject({ service: z.string(), backend: name, server: name });
export type DrainArgs = z.infer<typeof DrainArgs>;
/** `delete` only for a server that was added at run time: the options of one from the file could not be given back. */
const RemoveArgs = ServerArgs.extend({ delete: z.boolean() });
export type RemoveArgs = z.infer<typeof RemoveArgs>;

const DRAIN_MS = 30_000;
const REVERT_DRAIN_MS = 10_000;
const POLL_MS = 250;

function socket(service: string, context: StepContext) {
  const config = serviceOf(context.stack, service, 'haproxy');
  const target = actingOn(context.targets, context.host);
  return (command: string) =>
    askHaproxyOnce(target, config.adminSocket ?? config.socket, command, context.signal);
}

type Ask = (command: string) => Promise<string>;

async function find(ask: Ask, backend: string, server: string): Promise<ServerState | undefined> {
  const states = parseServerStates(await ask(`show servers state ${backend}`), 'HAProxy');
  return states.find((one) => one.backend === backend && one.name === server);
}

/** HAProxy answers with words alone: nothing, or one of the expected sentences, is success. */
async function order(ask: Ask, context: StepContext, command: string, expected?: RegExp): Promise<void> {
  const answer = await ask(command);
  if (answer !== '' && !expected?.test(answer))
    throw new WarroomError('COMMAND_FAILED', {
      target: context.host,
      command,
      status: 'the answer',
      problem: answer,
    });
}

function another(args: ServerArgs, found: ServerState, context: StepContext): WarroomError {
  return new WarroomError('COMMAND_FAILED', {
    target: context.host,
    command: `add server ${args.backend}/${args.server}`,
    status: 'a refusal',
    problem: `a server of that name is there already, at ${found.address}:${found.port}`,
  });
}

const isOurs = (args: ServerArgs, found: ServerState) =>
  found.address === args.address && found.port === args.port;

async function add(args: ServerArgs, ask: Ask, context: StepContext): Promise<void> {
  const found = await find(ask, args.backend, args.server);
  if (found && !isOurs(args, found)) throw another(args, found, context);
  if (!found) await order(ask, context, addCommand(args), /^New server registered\.?$/);
  // A server starts in maintenance, and without this its checks never run.
  await order(ask, context, `enable health ${args.backend}/${args.server}`);
}

const addCommand = (args: ServerArgs) =>
  `add server ${args.backend}/${args.server} ${args.address.includes(':') ? `[${args.address}]` : args.address}:${args.port} check inter 500ms slowstart 5s weight ${args.weight}${args.maxconn > 0 ? ` maxconn ${args.maxconn}` : ''}`;

/** Takes a server out: drained first, then in maintenance, then deleted. What is still running after the patience is cut off. */
async function take(args: DrainArgs, ask: Ask, context: StepContext, patienceMs: number): Promise<void> {
  const path = `${args.backend}/${args.server}`;
  if (!(await find(ask, args.backend, args.server))) return;
  await order(ask, context, `set server ${path} state drain`);
  await untilOrGiveUp(context.signal, POLL_MS, patienceMs, () => empty(args, ask));
  await remove(args, ask, context);
}

/** Refused while an idle connection is left; HAProxy closes those by itself soon after maintenance began. */
async function remove(args: DrainArgs, ask: Ask, context: StepContext): Promise<void> {
  const path = `${args.backend}/${args.server}`;
  await order(ask, context, `set server ${path} state maint`);
  await until(context.signal, POLL_MS, async () => {
    await ask(`del server ${path}`);
    return (await find(ask, args.backend, args.server)) ? undefined : true;
  });
}

async function empty(args: DrainArgs, ask: Ask): Promise<true | undefined> {
  const { servers } = parseBackendLoad(await ask('show stat'), args.backend, 'HAProxy');
  return (servers.get(args.server)?.sessions ?? 0) === 0 ? true : undefined;
}

async function up(args: DrainArgs, ask: Ask, context: StepContext): Promise<void> {
  await until(context.signal, POLL_MS, async () => {
    const found = await find(ask, args.backend, args.server);
    return found && found.admin === 0 && found.operation === 2 ? true : undefined;
  });
}

export const haproxyAddServer = defineStep<ServerArgs>({
  type: 'haproxy.add-server',
  version: 1,
  args: ServerArgs,
  timeoutMs: 45_000,
  describe: (args) => ({
    command: [
      addCommand(args),
      `enable health ${args.backend}/${args.server}`,
      `enable server ${args.backend}/${args.server}`,
    ].join(' · '),
    undo: `set server ${args.backend}/${args.server} state drain · state maint · del server ${args.backend}/${args.server}`,
  }),
  apply: async (args, context) => {
    const ask = socket(args.service, context);
    await add(args, ask, context);
    await order(ask, context, `enable server ${args.backend}/${args.server}`);
    await up(args, ask, context);
  },
  look: async (args, context): Promise<Look> => {
    const found = await find(socket(args.service, context), args.backend, args.server);
    if (!found) return 'absent';
    if (!isOurs(args, found)) return 'unknown';
    return serving(found) ? 'present' : 'partial';
  },
  // One from the file has another name, at the same address. In maintenance: somebody took it out.
  inForce: async (args, context): Promise<Look> => {
    const ask = socket(args.service, context);
    const states = parseServerStates(await ask(`show servers state ${args.backend}`), 'HAProxy');
    const ours = states.filter((one) => one.backend === args.backend && isOurs(args, one));
    if (ours.length === 0) return states.some((one) => one.name === args.server) ? 'unknown' : 'absent';
    return ours.some((one) => !inMaintenance(one) && !draining(one)) ? 'present' : 'partial';
  },
  revert: async (args, context) => {
    const ask = socket(args.service, context);
    const found = await find(ask, args.backend, args.server);
    if (found && !isOurs(args, found)) throw another(args, found, context);
    await take(args, ask, context, REVERT_DRAIN_MS);
  },
});

/** No new requests; waits until the running ones are done. */
export const haproxyDrain = defineStep<DrainArgs>({
  type: 'haproxy.drain',
  version: 1,
  args: DrainArgs,
  timeoutMs: DRAIN_MS + 10_000,
  describe: (args) => ({
    command: `set server ${args.backend}/${args.server} state drain, until it has no sessions (30 s at most)`,
    undo: `set server ${args.backend}/${args.server} state ready`,
  }),
  apply: async (args, context) => {
    const ask = socket(args.service, context);
    await order(ask, context, `set server ${args.backend}/${args.server} state drain`);
    if (!(await untilOrGiveUp(context.signal, POLL_MS, DRAIN_MS, () => empty(args, ask))))
      throw new WarroomError('COMMAND_FAILED', {
        target: context.host,
        command: `set server ${args.backend}/${args.server} state drain`,
        status: 'sessions left',
        problem: `it still serves requests after ${DRAIN_MS / 1000} s`,
      });
  },
  look: async (args, context): Promise<Look> => {
    const found = await find(socket(args.service, context), args.backend, args.server);
    // Gone or in maintenance is more than drained: what the next step does.
    return !found || draining(found) || inMaintenance(found) ? 'present' : 'absent';
  },
  revert: async (args, context) => {
    const ask = socket(args.service, context);
    await order(ask, context, `set server ${args.backend}/${args.server} state ready`);
    await up(args, ask, context);
  },
});

export const haproxyRemove = defineStep<RemoveArgs>({
  type: 'haproxy.remove',
  version: 1,
  args: RemoveArgs,
  timeoutMs: 40_000,
  describe: (args) => {
    const path = `${args.backend}/${args.server}`;
    return {
      command: `set server ${path} state maint${args.delete ? ` · del server ${path}` : ''}`,
      undo: args.delete
        ? `${addCommand(args)} · enable health ${path} · set server ${path} state drain`
        : `set server ${path} state drain`,
    };
  },
  apply: async (args, context) => {
    const ask = socket(args.service, context);
    if (!(await find(ask, args.backend, args.server))) return;
    if (args.delete) await remove(args, ask, context);
    else await order(ask, context, `set server ${args.backend}/${args.server} state maint`);
  },
  look: async (args, context): Promise<Look> => {
    const found = await find(socket(args.service, context), args.backend, args.server);
    if (!found) return args.delete ? 'present' : 'unknown';
    if (inMaintenance(found)) return args.delete ? 'partial' : 'present';
    return 'absent';
  },
  // Back to drained, which is where the step before left it: its own revert lets requests in again.
  revert: async (args, context) => {
    const ask = socket(args.service, context);
    const found = await find(ask, args.backend, args.server);
    if (found && !inMaintenance(found)) return;
    if (args.delete) await add(args, ask, context);
    await order(ask, context, `set server ${args.backend}/${args.server} state drain`);
  },
});
