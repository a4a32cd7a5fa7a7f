import { reason, WarroomError } from '../../errors/catalogue.ts';
import { say } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import { evidenceBlocks } from '../views/evidence.ts';
import { answer } from './answer.ts';
import type { Command, CommandDesk } from './contract.ts';

/** `host H [view]`: what htop shows, for a moment. */
export const host: Command = {
  name: 'host',
  short: ['h'],
  summary: 'A host as htop shows it',
  example: 'host app1 processes',
  arguments: [
    {
      name: 'host',
      about: 'a host of the config',
      kind: 'word',
      required: true,
      closed: true,
      choices: (desk) => [...desk.stack.hosts.keys()],
    },
    {
      name: 'view',
      about: 'cpu, memory, io or processes',
      kind: 'word',
      required: false,
      closed: true,
      choices: (desk) => viewsOf(desk, 'host'),
    },
  ],
  flags: [],
  needs: 'see',
  run: ({ args }, asker, desk) =>
    looked(desk, 'host', args['view'] ?? '', args['host'] as string, undefined, [], asker.name),
};

/** One command for each watched kind of service: `varnish [view] [what]`. */
export function serviceLook(
  kind: 'varnish' | 'haproxy' | 'uwsgi',
  short: readonly string[],
  summary: string,
  example: string,
): Command {
  return {
    name: kind,
    short,
    summary,
    example,
    arguments: [
      {
        name: 'view',
        about: 'what to show',
        kind: 'word',
        required: false,
        closed: true,
        choices: (desk) => viewsOf(desk, kind),
      },
      {
        name: 'what',
        about: 'more for the view: a tag, a host',
        kind: 'text',
        required: false,
        choices: (desk) => desk.stack.of(kind).flatMap((service) => service.config.on),
      },
    ],
    flags: [],
    needs: 'see',
    run: async ({ args }, asker, desk) => {
      const services = desk.stack.of(kind);
      if (services.length === 0)
        return answer(say`This config watches no ${kind}. Add one under services, or see /launch status.`);
      const extra = args['what']?.split(/\s+/) ?? [];
      const hosts = services.flatMap((service) =>
        desk.stack.hostsOf(service.name, true).map((name) => ({ service: service.name, name })),
      );
      const named = hosts.find(({ name }) => extra.includes(name));
      const chosen = named
        ? [named]
        : services.flatMap((service) =>
            desk.stack.hostsOf(service.name).map((name) => ({ service: service.name, name })),
          );
      const rest = extra.filter((word) => word !== named?.name);
      const parts = await Promise.all(
        chosen
          .slice(0, 10)
          .map(({ service, name }) =>
            looked(desk, kind, args['view'] ?? '', service, name, rest, asker.name),
          ),
      );
      return {
        blocks: parts.flatMap((part, i) => [
          { kind: 'heading', text: say`${chosen[i]?.service ?? ''} on ${chosen[i]?.name ?? ''}` },
          ...part.blocks,
        ]),
      };
    },
  };
}

async function looked(
  desk: CommandDesk,
  system: string,
  view: string,
  target: string,
  name: string | undefined,
  args: readonly string[],
  by: string,
): Promise<Message> {
  try {
    return { blocks: evidenceBlocks(await desk.look(system, view, target, name, args, by)) };
  } catch (thrown) {
    if (!(thrown instanceof WarroomError)) throw thrown;
    return answer(say`${reason(thrown)}`);
  }
}

function viewsOf(desk: CommandDesk, system: string): string[] {
  return (
    desk.systems
      .find((one) => one.id === system)
      ?.views.map((view) => view.name)
      .filter(Boolean) ?? []
  );
}
