import type { View } from '../../checks/contract.ts';
import type { Service } from '../../config/schema.ts';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { own, say } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import { decide } from '../../people/person.ts';
import { evidenceBlocks } from '../views/evidence.ts';
import { answer, problem } from './answer.ts';
import type { Argument, Asker, Command, CommandDesk } from './contract.ts';

const YES = '--yes';
/** Instances shown in one answer. */
const MOST_SHOWN = 10;
/** Costly looks that run now, by host: one at a time. */
const slowing = new Set<string>();

/** `host H [view [what]]`: what htop shows, for a moment. */
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
    ...viewArguments('host', 'a process id'),
  ],
  flags: [{ name: YES, about: 'do it: a view that slows its target says so first' }],
  needs: 'see',
  run: async ({ args, flags }, asker, desk) => {
    const name = args['host'] as string;
    const look = { system: 'host', view: args['view'] ?? '', target: name, instance: name };
    return looked(desk, look, wordsOf(args['what']), asker, flags.has(YES));
  },
};

/** One command for each watched kind of service: `varnish [view] [what]`. */
export function serviceLook(
  kind: Service['kind'],
  short: readonly string[],
  summary: string,
  example: string,
): Command {
  return {
    name: kind,
    short,
    summary,
    example,
    arguments: viewArguments(kind, 'more for the view: a tag, an id, a host'),
    flags: [{ name: YES, about: 'do it: a view that slows its target says so first' }],
    needs: 'see',
    run: async ({ args, flags }, asker, desk) => {
      const services = desk.stack.of(kind);
      if (services.length === 0)
        return answer(say`This config watches no ${kind}. Add one under services, or see /launch status.`);
      const words = wordsOf(args['what']);
      const all = services.flatMap(({ name }) =>
        desk.instances(name).map((instance) => ({ service: name, instance })),
      );
      const named = all.filter(
        ({ service, instance }) => words.includes(instance) || words.includes(service),
      );
      const chosen = named.length > 0 ? named : all;
      const rest = words.filter(
        (word) => !named.some(({ service, instance }) => word === instance || word === service),
      );
      const parts = await Promise.all(
        chosen.slice(0, MOST_SHOWN).map(({ service, instance }) => {
          const look = { system: kind, view: args['view'] ?? '', target: service, instance };
          return looked(desk, look, rest, asker, flags.has(YES));
        }),
      );
      return {
        blocks: parts.flatMap((part, i) => [
          { kind: 'heading', text: say`${chosen[i]?.service ?? ''} on ${chosen[i]?.instance ?? ''}` },
          ...part.blocks,
        ]),
      };
    },
  };
}

interface Look {
  readonly system: string;
  readonly view: string;
  readonly target: string;
  readonly instance: string;
}

async function looked(
  desk: CommandDesk,
  look: Look,
  words: readonly string[],
  asker: Asker,
  yes: boolean,
): Promise<Message> {
  const view = viewsOf(desk, look.system).find(({ name }) => name === look.view);
  const show = async () => ({
    blocks: evidenceBlocks(
      await desk.look(look.system, look.view, look.target, look.instance, words, asker.name),
    ),
  });
  try {
    return view?.cost === undefined
      ? await show()
      : await costly(desk, view.cost, look, words, asker, yes, show);
  } catch (thrown) {
    if (!(thrown instanceof WarroomError)) throw thrown;
    return answer(say`${reason(thrown)}`);
  }
}

/** What slows its target: the right to operate, the cost said first, one at a time on a host, a row in the audit log. */
async function costly(
  desk: CommandDesk,
  cost: string,
  { system, view, target, instance }: Look,
  words: readonly string[],
  asker: Asker,
  yes: boolean,
  show: () => Promise<Message>,
): Promise<Message> {
  const what = [system, view, target, instance, ...words].join(' ');
  const allowed = decide(asker.identity, 'operate', desk.config);
  if (!allowed.allowed) {
    desk.refused(asker.identity, `look ${system} ${view}`, { target, instance, words });
    return problem('NOT_ALLOWED', {
      what: `look at ${what}, which slows its target`,
      rights: allowed.person.rights.join(', ') || 'none',
      mend: allowed.mend,
    });
  }
  if (!yes) return answer(say`${own(cost)} ${own(`Say it again with ${YES} to do it.`)}`);
  if (slowing.has(instance))
    return problem('BAD_ARGUMENT', {
      command: system,
      problem: `another such look is running on ${instance}.`,
    });
  slowing.add(instance);
  try {
    desk.audited(asker.identity, `look ${system} ${view}`, { target, instance, words });
    return await show();
  } finally {
    slowing.delete(instance);
  }
}

function viewArguments(system: string, what: string): Argument[] {
  return [
    {
      name: 'view',
      about: 'what to show',
      kind: 'word',
      required: false,
      closed: true,
      choices: (desk) => viewsOf(desk, system).flatMap(({ name }) => name || []),
    },
    {
      name: 'what',
      about: what,
      kind: 'text',
      required: false,
      choices: (desk) =>
        system === 'host'
          ? []
          : desk.stack.of(system as Service['kind']).flatMap(({ name }) => desk.instances(name)),
    },
  ];
}

function viewsOf(desk: CommandDesk, system: string): readonly View[] {
  return desk.systems.find((one) => one.id === system)?.views ?? [];
}

function wordsOf(text: string | undefined): string[] {
  return text?.split(/\s+/).filter(Boolean) ?? [];
}
