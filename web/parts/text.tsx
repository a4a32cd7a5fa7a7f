import type { Span, Text } from '../../src/message/contract.ts';
import { printable } from '../../src/message/plain.ts';
import { clock } from '../live/clock.ts';

/**
 * What came from a watched system or a person: only ever a text node. Its direction cannot reach the words beside
 * it, and control characters show as dots.
 */
export function Foreign({ text }: { readonly text: string }) {
  return <bdi class="foreign">{printable(text)}</bdi>;
}

export function Time({ at, seconds = true }: { readonly at: number; readonly seconds?: boolean }) {
  return <time dateTime={new Date(at).toISOString()}>{clock(at, seconds)}</time>;
}

export function Spans({ text }: { readonly text: Text }) {
  return <>{text.map(span)}</>;
}

function span(one: Span, key: number) {
  switch (one.kind) {
    case 'plain':
      return one.text;
    case 'strong':
      return <strong key={key}>{one.text}</strong>;
    case 'foreign':
      return <Foreign key={key} text={one.text} />;
    case 'code':
      return <code key={key}>{printable(one.text)}</code>;
    case 'time':
      return <Time key={key} at={one.at} seconds={one.seconds} />;
    default:
      return never(one);
  }
}

function never(one: never): never {
  throw new TypeError(`A span of an unknown kind: ${JSON.stringify(one)}`);
}
