import { z } from 'zod';
import { WarroomError } from '../../errors/catalogue.ts';
import { backendHealth, listVcls, VarnishCli, vclFiles, word } from '../../targets/varnish-cli.ts';
import { sha256 } from '../canonical.ts';
import { defineStep, type Look, type StepContext } from '../contract.ts';
import { compose } from '../vcl-text.ts';
import { actingOn, serviceOf } from './acting.ts';
import { untilOrGiveUp } from './wait.ts';

const LoadArgs = z.strictObject({
  service: z.string(),
  name: z.string(),
  /** The VCL that the rules are added to, and its hash when the plan was made. */
  base: z.string(),
  baseSha: z.string(),
  front: z.string(),
  tail: z.string(),
  sourceSha: z.string(),
});
export type LoadArgs = z.infer<typeof LoadArgs>;

const UseArgs = z.strictObject({
  service: z.string(),
  name: z.string(),
  old: z.string(),
  /** The header that marks what the new rules keep, so that taking them back drops it. */
  marker: z.string().regex(/^X-Warroom-[A-Za-z0-9]+$/),
});
export type UseArgs = z.infer<typeof UseArgs>;

const SHOW_OK = 200;
const WARM_MS = 15_000;
const IDLE_MS = 2_000;
const POLL_MS = 200;

function session<T>(
  args: { readonly service: string },
  context: StepContext,
  work: (cli: VarnishCli) => Promise<T>,
): Promise<T> {
  const service = serviceOf(context.stack, args.service, 'varnish');
  return VarnishCli.use(actingOn(context.targets, context.host), service, context.signal, work);
}

/** Compiles the new VCL beside the one in use and has its probes answer. Visitors notice nothing. */
export const varnishLoad = defineStep<LoadArgs>({
  type: 'varnish.load',
  version: 1,
  args: LoadArgs,
  timeoutMs: 40_000,
  describe: (args) => ({
    command: [
      `vcl.inline ${args.name} (${args.base} with these lines) · vcl.state ${args.name} warm`,
      ...indented('at the top:', args.front),
      ...(args.tail === '' ? [] : indented('at the end:', args.tail)),
    ].join('\n'),
    undo: `vcl.state ${args.name} cold · vcl.discard ${args.name}`,
  }),
  apply: (args, context) =>
    session(args, context, async (cli) => {
      if (!(await exists(cli, args.name))) {
        const base = await cli.run('vcl.show', word(args.base));
        const source = compose(base, args);
        if (source === undefined || sha256(base) !== args.baseSha || sha256(source) !== args.sourceSha)
          throw changed(context, `${args.base} is not the VCL any more that the plan was made for`);
        await cli.run('vcl.inline', word(args.name), source);
      }
      await cli.run('vcl.state', word(args.name), 'warm');
      if ((await lookLoad(args, cli)) !== 'present')
        throw changed(context, `a VCL named ${args.name} is there and is not ours`);
      await sameIncludes(args, cli, context);
      await warm(cli, args.name, args.base, context);
    }),
  look: (args, context) => session(args, context, (cli) => lookLoad(args, cli)),
  inForce: (args, context) =>
    session(args, context, async (cli): Promise<Look> => {
      const shown = await cli.ask('vcl.show', word(await activeVcl(cli)));
      if (shown.status !== SHOW_OK) return 'unknown';
      return shown.body.includes(signOf(args)) ? 'present' : 'absent';
    }),
  revert: (args, context) =>
    session(args, context, async (cli) => {
      const found = (await listVcls(cli)).find((vcl) => vcl.name === args.name);
      if (!found) return;
      if (found.status === 'active')
        throw changed(context, `${args.name} is in use, so it was not discarded`);
      await cli.run('vcl.state', word(args.name), 'cold');
      await cli.run('vcl.discard', word(args.name));
    }),
});

/** Puts the new VCL into use; the old one stays loaded, so that the way back is one command. */
export const varnishUse = defineStep<UseArgs>({
  type: 'varnish.use',
  version: 1,
  args: UseArgs,
  timeoutMs: 40_000,
  describe: (args) => ({
    command: `vcl.use ${args.name}`,
    undo: `vcl.use ${args.old} · ban obj.http.${args.marker} == 1`,
  }),
  apply: (args, context) =>
    session(args, context, async (cli) => {
      const active = await activeVcl(cli);
      if (active === args.name) return;
      if (active !== args.old) throw changed(context, `${active} is in use now, not ${args.old}`);
      await cli.run('vcl.use', word(args.name));
    }),
  look: (args, context) =>
    session(args, context, async (cli) => {
      const active = await activeVcl(cli);
      if (active === args.name) return 'present';
      // Nobody's rules but the old ones: what the new ones kept is gone with the ban of the revert.
      return active === args.old ? 'absent' : 'unknown';
    }),
  revert: (args, context) =>
    session(args, context, async (cli) => {
      const active = await activeVcl(cli);
      if (active !== args.name && active !== args.old)
        throw changed(context, `${active} is in use now, so it was left alone`);
      if (active === args.name) {
        // A VCL that cooled down has no probe answers yet: used at once it gives 503.
        await cli.run('vcl.state', word(args.old), 'warm');
        await warm(cli, args.old, args.name, context);
        await cli.run('vcl.use', word(args.old));
        await cli.run('vcl.state', word(args.old), 'auto');
      }
      await dropKept(cli, args, context);
    }),
});

/**
 * What the rules kept outlives them in the cache (a redirect for a year), so it is banned by its mark; again once no
 * request runs through the old rules any more, for what was being fetched while the first ban came.
 */
async function dropKept(cli: VarnishCli, args: UseArgs, context: StepContext): Promise<void> {
  await cli.run('ban', `obj.http.${args.marker}`, '==', '1');
  await untilOrGiveUp(context.signal, POLL_MS, IDLE_MS, async () => {
    const ours = (await listVcls(cli)).find((vcl) => vcl.name === args.name);
    return !ours || ours.busy === 0 ? true : undefined;
  });
  await cli.run('ban', `obj.http.${args.marker}`, '==', '1');
}

async function lookLoad(args: LoadArgs, cli: VarnishCli) {
  const found = (await listVcls(cli)).find((vcl) => vcl.name === args.name);
  // A discarded VCL lingers in the list under another name or state until its last request is done.
  if (!found || found.status === 'discarded' || found.temperature === 'discarded') return 'absent' as const;
  const shown = await cli.ask('vcl.show', word(args.name));
  if (shown.status !== SHOW_OK || sha256(shown.body) !== args.sourceSha) return 'unknown' as const;
  return found.temperature === 'warm' ? ('present' as const) : ('partial' as const);
}

/** What tells the rules wherever they stand: their mark without the proposal's id, which a later one has anew. */
function signOf({ front }: LoadArgs): string {
  return /^# warroom \S+( [0-9a-f]{12} begin)$/m.exec(front)?.[1] ?? front;
}

async function exists(cli: VarnishCli, name: string): Promise<boolean> {
  return (await listVcls(cli)).some((vcl) => vcl.name === name);
}

export async function activeVcl(cli: VarnishCli): Promise<string> {
  const active = (await listVcls(cli)).find((vcl) => vcl.status === 'active');
  return active?.name ?? '(none)';
}

/** Compiling reads included files again: one that changed on disk would come along unseen. */
async function sameIncludes(args: LoadArgs, cli: VarnishCli, context: StepContext): Promise<void> {
  const included = async (name: string) => {
    const files = vclFiles(await cli.run('vcl.show', '-v', word(name)));
    return files
      .slice(1)
      .map((file) => `${file.name} ${sha256(file.source)}`)
      .sort()
      .join('\n');
  };
  if ((await included(args.base)) !== (await included(args.name)))
    throw changed(context, 'a file that the VCL includes was changed on disk since it was loaded');
}

/** Waits until every backend that is healthy in the other VCL is healthy in this one. */
async function warm(cli: VarnishCli, name: string, other: string, context: StepContext): Promise<void> {
  const ready = await untilOrGiveUp(context.signal, POLL_MS, WARM_MS, async () => {
    const [here, there] = [await backendHealth(cli, name), await backendHealth(cli, other)];
    const waiting = [...here].filter(([backend, healthy]) => !healthy && there.get(backend) !== false);
    return waiting.length === 0 ? true : undefined;
  });
  if (!ready) throw changed(context, `the backends of ${name} did not become healthy`);
}

function changed(context: StepContext, problem: string): WarroomError {
  return new WarroomError('COMMAND_FAILED', {
    target: context.host,
    command: 'vcl',
    status: 'a refusal',
    problem,
  });
}

function indented(title: string, lines: string): string[] {
  return [`  ${title}`, ...lines.split('\n').map((line) => `    ${line}`)];
}
