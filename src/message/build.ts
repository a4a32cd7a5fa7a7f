import type { Block, Span, Text } from './contract.ts';

/**
 * say`Visitors: p95 ${seconds} on ${url}`: the literal is ours, every interpolated string or number is foreign
 * (escaped by each renderer) unless it is a Span or Text already.
 */
export function say(
  strings: TemplateStringsArray,
  ...slots: readonly (string | number | Span | Text)[]
): Text {
  const spans: Span[] = [];
  strings.forEach((text, i) => {
    if (text) spans.push({ kind: 'plain', text });
    const slot = slots[i];
    if (slot === undefined) return;
    if (typeof slot === 'string' || typeof slot === 'number')
      spans.push({ kind: 'foreign', text: String(slot) });
    else if (isText(slot)) spans.push(...slot);
    else spans.push(slot);
  });
  return spans;
}

function isText(slot: Span | Text): slot is Text {
  return Array.isArray(slot);
}

/** Words of Warroom's own that are not literals (a figure already formatted, a state's name). */
export const own = (text: string): Span => ({ kind: 'plain', text });
export const strong = (text: string): Span => ({ kind: 'strong', text });
export const time = (at: number, seconds = true): Span => ({ kind: 'time', at, seconds });

export const paragraph = (text: Text): Block => ({ kind: 'text', text });

/** The text without any formatting; times as ISO. For logs, JSON and the audit. */
export function plainText(text: Text): string {
  return text.map((span) => (span.kind === 'time' ? new Date(span.at).toISOString() : span.text)).join('');
}
