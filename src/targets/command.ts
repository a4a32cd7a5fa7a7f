/**
 * A shell command made of a fixed template and quoted arguments. Only the `sh` tag makes one, so the fixed
 * part is always a literal of this code base and each slot is one shell word.
 */
export class Command {
  /** The command line as `sh -c` takes it, every slot quoted. */
  readonly line: string;
  private constructor(line: string) {
    this.line = line;
  }
  static of(strings: TemplateStringsArray, slots: readonly (string | number)[]): Command {
    return new Command(
      strings.raw.map((part, i) => part + (i < slots.length ? quote(String(slots[i])) : '')).join(''),
    );
  }
  toString(): string {
    return this.line;
  }
}

/** sh`kill -s ${signal} ${pid}`: slots stand unquoted in the template and are quoted here, once. */
export function sh(strings: TemplateStringsArray, ...slots: (string | number)[]): Command {
  return Command.of(strings, slots);
}

/**
 * One POSIX shell word. Single quotes keep everything but a single quote and NUL (POSIX.1-2017, 2.2.2); a NUL
 * cannot be in an argument at all, so it is refused.
 */
export function quote(word: string): string {
  if (word.includes('\0')) throw new TypeError('A command argument may not hold a NUL byte.');
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
