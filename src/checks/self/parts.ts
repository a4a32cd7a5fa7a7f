import type { PartHealth } from '../../health/health.ts';
import { lasted } from '../../message/figures.ts';
import type { Evidence, JudgeInput } from '../contract.ts';

type Input = JudgeInput<object, unknown>;

/** `chat:slack/socket` -> `slack`. */
export function platformOf(part: PartHealth): string {
  return detail(part).split('/')[0] as string;
}

export function partsOf(input: Input, kind: string): readonly PartHealth[] {
  return input.health?.of(kind) ?? [];
}

/** `collector:app/app1/stats` -> `app/app1/stats`. */
export function detail(part: PartHealth): string {
  return part.part.slice(part.part.indexOf(':') + 1);
}

export function sinceSeconds(part: PartHealth, input: Input): number {
  return Math.max(0, (input.at - part.since) / 1000);
}

export function downFor(part: PartHealth, input: Input, seconds: number): boolean {
  return part.state === 'down' && sinceSeconds(part, input) >= seconds;
}

export function age(part: PartHealth, input: Input): string {
  return lasted(sinceSeconds(part, input) * 1000);
}

export function counted(count: number, noun: string, many = `${noun}s`): string {
  return count === 1 ? `1 ${noun}` : `${count} ${many}`;
}

export function table(parts: readonly PartHealth[], input: Input): Evidence {
  return {
    kind: 'table',
    title: 'Parts of Warroom that are not well',
    columns: [{ name: 'part' }, { name: 'state' }, { name: 'for' }, { name: 'why' }, { name: 'mend' }],
    rows: parts
      .slice(0, 20)
      .map((part) => [detail(part), part.state, age(part, input), part.what, part.mend ?? '']),
  };
}
