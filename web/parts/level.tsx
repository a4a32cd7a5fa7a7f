import type { ServiceJson } from '../../src/bot/contract.ts';
import { SHAPES } from '../../src/message/plain.ts';

export type Shown = ServiceJson['level'];

export function wordOf(level: Shown): string {
  return level === 'unwatched' ? 'NOT WATCHED YET' : SHAPES[level][1];
}

/** The shape of a level: told apart without its colour. The word stands beside it, or is read to who cannot see it. */
export function Shape({ level, size = 16 }: { readonly level: Shown; readonly size?: number }) {
  return (
    <svg class={`shape ${level}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      {drawing(level)}
    </svg>
  );
}

function drawing(level: Shown) {
  switch (level) {
    case 'ok':
      return <path class="stroke" d="M3 8.5 6.5 12 13 4.5" />;
    case 'warn':
      return <path class="stroke" d="M8 2.5 14.5 13.5 H1.5 Z" />;
    case 'critical':
      return <path class="fill" d="M8 1.5 15.5 14.5 H0.5 Z" />;
    case 'unknown':
      return (
        <>
          <rect class="thin" x="1.5" y="1.5" width="13" height="13" rx="2" />
          <path class="hatch" d="M2 5.5 5.5 2 M2 9 3.8 7.2 M10.5 14 14 10.5 M7 14 8.6 12.4 M12.4 8.6 14 7" />
          <path class="stroke" d="M5.8 6.1 C5.8 3.2 10.4 3.4 10.2 6.2 C10.1 7.8 8 7.9 8 9.7 M8 12.2 V12.3" />
        </>
      );
    case 'set-up':
      return <circle class="stroke" cx="8" cy="8" r="5.5" />;
    case 'unwatched':
      return <path class="stroke" d="M4 8 H12" />;
    default:
      return level satisfies never;
  }
}

/** In lists the shape leads the row; its word is there for who cannot see it. */
export function Mark({ level }: { readonly level: Shown }) {
  return (
    <span class="mark-of">
      <Shape level={level} />
      <span class="hidden">{wordOf(level)} </span>
    </span>
  );
}

export function Level({ level, word }: { readonly level: Shown; readonly word?: string }) {
  return (
    <span class={`level ${level}`}>
      <Shape level={level} />
      <span class="word">{word ?? wordOf(level)}</span>
    </span>
  );
}
