import {
  type APIApplicationCommandBasicOption,
  type APIApplicationCommandInteractionDataBasicOption,
  type APIApplicationCommandInteractionDataOption,
  type APIApplicationCommandSubcommandOption,
  ApplicationCommandType,
  ApplicationCommandOptionType as OptionType,
  type RESTPostAPIChatInputApplicationCommandsJSONBody,
} from 'discord.js';
import type { CommandShape } from '../chat/contract.ts';

export const ROOT = 'launch';
/** Discord takes 25 of each; the last sub-command is the one that takes any text. */
const MOST = 25;
const CHARACTERS = 8000;
const RUN_SUMMARY = 'Any command as text, as it is typed elsewhere; without text, a form';
const HERE = '--here';

export type Definition = RESTPostAPIChatInputApplicationCommandsJSONBody;
/** What came with a sub-command: its options, and the one that is being typed. */
export type Given = readonly APIApplicationCommandInteractionDataBasicOption[];

export interface Grammar {
  readonly definition: Definition;
  /** The sub-command that takes any text. */
  readonly run: string;
  readonly shapes: ReadonlyMap<string, CommandShape>;
}

/**
 * `/launch` with a sub-command for each command of the grammar. Those that do not fit Discord's limits are left to
 * `/launch run`, which completes and runs them all.
 */
export function grammarOf(commands: readonly CommandShape[]): Grammar {
  const run = commands.some((shape) => nameOf(shape.name) === 'run') ? 'text' : 'run';
  const shapes = new Map<string, CommandShape>();
  const subcommands: APIApplicationCommandSubcommandOption[] = [];
  const last: APIApplicationCommandSubcommandOption = {
    ...{ type: OptionType.Subcommand, name: run, description: RUN_SUMMARY },
    options: [
      {
        type: OptionType.String,
        name: 'text',
        description: 'such as: why 12',
        autocomplete: true,
        required: false,
      },
    ],
  };
  const lead = {
    type: ApplicationCommandType.ChatInput,
    name: ROOT,
    description: 'Warroom: what is wrong, why, and what helps',
  } as const;
  let used = characters(last) + lead.name.length + lead.description.length;
  for (const shape of commands) {
    const made = subcommand(shape);
    if (subcommands.length >= MOST - 1 || used + characters(made) > CHARACTERS || shapes.has(made.name))
      continue;
    used += characters(made);
    subcommands.push(made);
    shapes.set(made.name, shape);
  }
  return { definition: { ...lead, options: [...subcommands, last] }, run, shapes };
}

function subcommand(shape: CommandShape): APIApplicationCommandSubcommandOption {
  // Discord wants what is required first; the text that is made of them has the grammar's order again.
  const ordered = [...shape.arguments].sort((a, b) => Number(b.required) - Number(a.required));
  const words = ordered.map((argument): APIApplicationCommandBasicOption => {
    const { required, completes, about } = argument;
    return {
      ...{ type: OptionType.String, name: nameOf(argument.name), description: described(about) },
      ...{ required, autocomplete: completes },
    };
  });
  const flags = flagsOf(shape).map((flag): APIApplicationCommandBasicOption => {
    return {
      type: OptionType.Boolean,
      name: nameOf(flag.name),
      description: described(flag.about),
      required: false,
    };
  });
  const options = [...words, ...flags].slice(0, MOST);
  return {
    type: OptionType.Subcommand,
    name: nameOf(shape.name),
    description: described(shape.summary),
    options,
  };
}

function flagsOf(shape: CommandShape): CommandShape['flags'] {
  if (shape.flags.some((flag) => flag.name === HERE)) return shape.flags;
  return [...shape.flags, { name: HERE, about: 'shown to all in the channel' }];
}

/** The text of the one grammar that a filled sub-command stands for. */
export function textOf(shape: CommandShape, given: Given): string {
  const words = shape.arguments.flatMap((argument) => {
    const value = givenFor(given, argument.name);
    return value === undefined ? [] : [argument.kind === 'text' ? value : word(value)];
  });
  const flags = flagsOf(shape).filter((flag) =>
    given.some((one) => one.name === nameOf(flag.name) && one.value === true),
  );
  return [shape.name, ...flags.map((flag) => flag.name), ...words].join(' ');
}

/** What is typed so far, up to the option in focus: completion works on its last word. */
export function typedSoFar(shape: CommandShape, given: Given, focused: string): string {
  const words: string[] = [shape.name];
  for (const argument of shape.arguments) {
    const value = givenFor(given, argument.name) ?? '';
    words.push(value);
    if (nameOf(argument.name) === focused) break;
  }
  return words.join(' ');
}

/** Completions of the last word, as whole values of the option; at most 25 of 100 characters. */
export function choicesOf(typed: string, completions: readonly string[]): { name: string; value: string }[] {
  const before = typed.slice(0, typed.length - (typed.split(/\s+/).at(-1) ?? '').length);
  return [...new Set(completions.filter((one) => !one.startsWith('--')).map((one) => before + one))]
    .filter((value) => value.length > 0 && value.length <= 100)
    .slice(0, MOST)
    .map((value) => ({ name: value, value }));
}

export function subcommandOf(
  options: readonly APIApplicationCommandInteractionDataOption[] | undefined,
): { name: string; given: Given } | undefined {
  const [first] = options ?? [];
  if (first?.type !== OptionType.Subcommand) return undefined;
  return { name: first.name, given: (first.options ?? []) as Given };
}

export function focusedOf(given: Given): { name: string; value: string } | undefined {
  const focused = given.find((one) => 'focused' in one && one.focused);
  return focused && { name: focused.name, value: String(focused.value) };
}

/** Are the registered commands this one alone, with the same words? What Discord adds or leaves out does not count. */
export function isRegistered(registered: readonly unknown[], wanted: Definition): boolean {
  return (
    registered.length === 1 && JSON.stringify(essence(registered[0])) === JSON.stringify(essence(wanted))
  );
}

function essence(option: unknown): unknown {
  if (typeof option !== 'object' || option === null) return undefined;
  const { type, name, description, required, autocomplete, options } = option as Record<string, unknown>;
  return {
    ...{
      type: type ?? 1,
      name,
      description,
      required: required === true,
      autocomplete: autocomplete === true,
    },
    options: Array.isArray(options) ? options.map(essence) : [],
  };
}

function givenFor(given: Given, argument: string): string | undefined {
  const found = given.find((one) => one.name === nameOf(argument));
  const value = found === undefined ? '' : String(found.value).trim();
  return value === '' ? undefined : value;
}

function word(value: string): string {
  return /\s/.test(value) ? `"${value.replaceAll('"', '')}"` : value;
}

/** Lower case letters, digits, - and _; at most 32. */
function nameOf(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/^-+/, '')
    .replace(/[^a-z0-9_-]/g, '-')
    .slice(0, 32);
  return plain || 'word';
}

function described(about: string): string {
  const text = about.trim() || '-';
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}

function characters(option: { name: string; description: string; options?: readonly unknown[] }): number {
  const inner = (option.options ?? []) as { name: string; description: string }[];
  return (
    option.name.length + option.description.length + inner.reduce((sum, one) => sum + characters(one), 0)
  );
}
