import { nearestWord } from '../../config/nearest.ts';
import type { Argument, Command, CommandDesk, Input } from './contract.ts';

export type Parsed =
  | { readonly command: Command; readonly input: Input }
  | { readonly problem: 'unknown'; readonly typed: string; readonly nearest: string | undefined }
  | { readonly problem: 'argument'; readonly command: Command; readonly what: string };

const MAX_LENGTH = 2000;

/** Splits as a person means it: words, or phrases in double quotes. */
export function split(text: string): string[] {
  return [...text.slice(0, MAX_LENGTH).matchAll(/"([^"]*)"|(\S+)/g)].map(
    (match) => match[1] ?? (match[2] as string),
  );
}

/** `--here`, in any place and of any command, shows the answer to all. */
export function takeHere(text: string): { readonly rest: string; readonly here: boolean } {
  const rest = text.replace(/(^|\s)--here(?=\s|$)/g, '$1');
  return { rest, here: rest !== text };
}

/** `/launch`, a leading slash and case are forgiven; a typing error gets the nearest command. */
export function parse(text: string, commands: readonly Command[], desk: CommandDesk): Parsed {
  const words = split(text.replace(/^\s*\/?(launch\b)?/i, ''));
  const typed = (words.shift() ?? 'help').toLowerCase();
  const command = commands.find((one) => one.name === typed || one.short.includes(typed));
  if (!command)
    return {
      problem: 'unknown',
      typed,
      nearest: nearestWord(
        typed,
        commands.flatMap((one) => [one.name, ...one.short]),
      ),
    };
  const flags = new Set<string>();
  const rest: string[] = [];
  for (const word of words) {
    if (word.startsWith('--') && command.flags.some((flag) => flag.name === word)) flags.add(word);
    else if (word.startsWith('--'))
      return {
        problem: 'argument',
        command,
        what: `there is no ${word}${command.flags.length ? `; there is ${command.flags.map((flag) => flag.name).join(', ')}` : ''}.`,
      };
    else rest.push(word);
  }
  return fill(command, rest, flags, desk);
}

function fill(command: Command, rest: string[], flags: ReadonlySet<string>, desk: CommandDesk): Parsed {
  const args: Record<string, string | undefined> = {};
  for (const argument of command.arguments) {
    const word = argument.kind === 'text' ? rest.splice(0).join(' ') || undefined : rest.shift();
    const what =
      word === undefined
        ? argument.required
          ? `name ${argument.name}: ${argument.about}. Example: ${command.example}`
          : undefined
        : wrong(argument, word, desk);
    if (what !== undefined) return { problem: 'argument', command, what };
    args[argument.name] = word;
  }
  if (rest.length > 0)
    return {
      problem: 'argument',
      command,
      what: `"${rest.join(' ')}" is one word too many. Example: ${command.example}`,
    };
  return { command, input: { args, flags } };
}

function wrong(argument: Argument, word: string, desk: CommandDesk): string | undefined {
  if (argument.kind === 'duration' && !/^\d{1,4}(s|m|h)$/.test(word))
    return `"${word}" is no duration; write 30s, 15m or 2h.`;
  const choices = argument.choices?.(desk);
  if (!argument.closed || !choices || choices.includes(word)) return undefined;
  const near = nearestWord(word, choices);
  return `there is no ${argument.name} "${word}". ${near ? `Did you mean ${near}?` : `There is ${choices.join(', ') || 'none'}.`}`;
}

/** Completions of the last word being typed. */
export function complete(text: string, commands: readonly Command[], desk: CommandDesk): string[] {
  const words = text.replace(/^\s*\/?(launch\s)?/i, '').split(/\s+/);
  const last = words.at(-1) ?? '';
  if (words.length <= 1)
    return starting(
      commands.map((command) => command.name),
      last,
    );
  const command = commands.find((one) => one.name === words[0] || one.short.includes(words[0] ?? ''));
  if (!command) return [];
  const argument =
    command.arguments[words.length - 2] ?? command.arguments.find((one) => one.kind === 'text');
  return starting([...(argument?.choices?.(desk) ?? []), ...command.flags.map((flag) => flag.name)], last);
}

function starting(choices: readonly string[], typed: string): string[] {
  return choices.filter((choice) => choice.startsWith(typed)).slice(0, 25);
}
