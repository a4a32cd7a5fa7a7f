import { WarroomError } from '../../errors/catalogue.ts';

/** Thrown for what a kernel or tool never says: a cut answer, or another program in its place. */
export function badAnswer(target: string, expected: string, problem: string): WarroomError {
  return new WarroomError('BAD_ANSWER', { target, expected, problem });
}

/** Files as `tail -v -n +1` prints them: `==> NAME <==` before each. What could not be read is not there. */
export function sections(text: string): Map<string, string> {
  const found = new Map<string, string>();
  // /proc/PID/cmdline has no newline at its end, so the next header may stand in the middle of a line.
  const parts = text.split(/\n?==> (\/[^\n]*?) <==\n/);
  for (let i = 1; i < parts.length; i += 2) found.set(parts[i] as string, parts[i + 1] ?? '');
  return found;
}

/**
 * "MemTotal:   123 kB" and "pswpin 123" alike: the numbers of these names. The kernel says hundreds, of hundreds of
 * hosts: nothing is made of the others.
 */
export function namedNumbers<Name extends string>(
  text: string | undefined,
  names: readonly Name[],
): Map<Name, number> {
  const found = new Map<Name, number>();
  if (text === undefined) return found;
  for (const name of names) {
    const number = numberAfter(text, name);
    if (number !== undefined) found.set(name, number);
  }
  return found;
}

const NUMBER = /:?[ \t]+(-?\d+)\b/y;

/** The number of the first line that begins with the name alone. */
function numberAfter(text: string, name: string): number | undefined {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue;
    NUMBER.lastIndex = at + name.length;
    const match = NUMBER.exec(text);
    if (match) return Number(match[1]);
  }
  return undefined;
}

/** A text that does not keep alive the whole that it was cut from: V8 cuts from 13 characters on without copying. */
export function detached(text: string): string {
  return text.length < 13 ? text : Buffer.from(text).toString();
}

/** "0-3,8" of a CPU list: 5. */
export function countOf(list: string | undefined): number | undefined {
  const text = list?.trim() ?? '';
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return undefined;
  return text.split(',').reduce((sum, part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return sum + Math.max(0, last - first + 1);
  }, 0);
}

/** `/proc/net/netstat` and `snmp`: lines in pairs, names above numbers. */
export function pairedCounter(text: string | undefined, group: string, name: string): number | undefined {
  const lines = (text ?? '').split('\n').filter((line) => line.startsWith(`${group}: `));
  const at = lines[0]?.split(' ').indexOf(name) ?? -1;
  const value = at > 0 ? lines[1]?.split(' ')[at] : undefined;
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

/** `some avg10=1.25 …` of a pressure file, as a share. */
export function pressure(text: string | undefined): number | undefined {
  const percent = /^some avg10=(\d+(?:\.\d+)?)/m.exec(text ?? '')?.[1];
  return percent === undefined ? undefined : Number(percent) / 100;
}
