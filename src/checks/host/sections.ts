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

/** "MemTotal:   123 kB" and "pswpin 123" alike: a name, a number, and more that is not used. */
export function namedNumbers(text: string | undefined): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of (text ?? '').split('\n')) {
    const match = /^(\S+?):?\s+(-?\d+)\b/.exec(line);
    if (match) found.set(match[1] as string, Number(match[2]));
  }
  return found;
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
