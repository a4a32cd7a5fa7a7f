import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/message/contract.ts';
import { cut, printable, renderPlain } from '../../src/message/plain.ts';

/** NUL, escape, soft hyphen, Arabic letter mark, Hangul filler, line and paragraph separator, overrides, a tag. */
const UNSEEN = [
  ...['\u0000', '\u001b', '\u0085', '\u00ad', '\u061c', '\u115f', '\u180e', '\u200b', '\u200f'],
  ...['\u2028', '\u2029', '\u202e', '\u2060', '\u2066', '\ufeff', '\ufff9', '\u{e0041}', '\ud83d'],
];

describe('printable', () => {
  it.each(UNSEEN)('shows a dot for %j', (sign) => expect(printable(`a${sign}b`)).toBe('a·b'));

  it('leaves what is seen as it is', () => {
    const seen = 'Ünïcode, 日本語, עברית, 😀 ⚠️ e\u0301 <!channel>';
    expect(printable(seen)).toBe(seen);
  });
});

it('text of a watched system is printable wherever it stands', () => {
  const evil = 'x\u001b[31m\u202e';
  const message: Message = {
    blocks: [
      { kind: 'heading', text: [{ kind: 'code', text: evil }] },
      { kind: 'table', title: evil, columns: [{ name: evil }], rows: [[evil]] },
      { kind: 'code', language: 'sh', title: evil, text: evil },
      { kind: 'chart', title: evil, unit: 's', points: [] },
      { kind: 'actions', actions: [{ kind: 'timeline', id: '1', label: evil, style: 'plain' }] },
      { kind: 'text', text: [{ kind: 'plain', text: `two\nlines ${evil}` }] },
    ],
  };
  const text = renderPlain(message, { timezone: 'UTC', width: 200, lines: 100 });
  expect(text).not.toMatch(/[\u001b\u202e]/);
  expect(text).toContain('two\nlines x·[31m·');
});

it('cuts visibly, and not through a character', () => {
  expect(cut('abcdef', 4)).toBe('abc…');
  expect(cut('ab😀def', 4)).toBe('ab…');
});
