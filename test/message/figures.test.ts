import fc from 'fast-check';
import { expect, it } from 'vitest';
import { own, say } from '../../src/message/build.ts';
import { figure, lasted } from '../../src/message/figures.ts';
import { renderPlain } from '../../src/message/plain.ts';

it('says figures as a person would read them off', () => {
  expect([
    figure(2.94, 's'),
    figure(0.18, 's'),
    figure(0.012, 'share'),
    figure(240.3, '/s'),
    figure(327155712, 'B'),
    figure(109000, 'count'),
  ]).toEqual(['2.94 s', '180 ms', '1.2 %', '240/s', '312 MiB', '109,000']);
  expect(figure(Number.NaN, 's')).toBe('unknown');
  expect(lasted(455_000)).toBe('7 min 35 s');
});

it('never gives a figure with a broken number in it', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
      fc.constantFrom('s', 'share', '/s', 'B', 'count'),
      (value, unit) => {
        expect(figure(value, unit)).toMatch(/^-?[\d,]+(\.\d+)?( |\/|$)|min|h/);
      },
    ),
  );
});

it('prints foreign text so that it moves no cursor and hides nothing', () => {
  const text = renderPlain(
    { blocks: [{ kind: 'text', text: say`url ${'/a\u001b[2J\u202e/b'} ${own('x')}` }] },
    { timezone: 'UTC', width: 100, lines: 10 },
  );
  expect(text).toBe('url /a·[2J·/b x');
});

it('cuts visibly, and says how much', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 50 }), (rows) => {
      const text = renderPlain(
        { blocks: [{ kind: 'table', columns: [{ name: 'a' }], rows: rows.map((row) => [row]) }] },
        { timezone: 'UTC', width: 40, lines: 20 },
      );
      expect(text.split('\n').length).toBeLessThanOrEqual(20);
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(40);
    }),
  );
});
