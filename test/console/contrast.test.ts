import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Contrast of the tokens, computed from their OKLCH values as WCAG 2 defines it. */

const css = readFileSync('web/style/tokens.css', 'utf8');
const blocks = [...css.matchAll(/([^{}]+)\{([^{}]*)\}/g)].map((match) => ({
  selector: (match[1] ?? '').trim(),
  tokens: Object.fromEntries(
    [...(match[2] ?? '').matchAll(/--([a-z-]+):\s*([^;]+);/g)].map((one) => [one[1] ?? '', one[2] ?? '']),
  ),
}));
const of = (selector: string) => blocks.find((block) => block.selector.endsWith(selector))?.tokens ?? {};
const themes = { light: of(':root'), dark: of(':root[data-theme="dark"]') };

describe.each(Object.entries(themes))('%s', (_name, tokens) => {
  const contrast = (one: string, other: string) => {
    const [a, b] = [luminance(tokens[one]), luminance(tokens[other])].sort((x, y) => y - x) as [
      number,
      number,
    ];
    return (a + 0.05) / (b + 0.05);
  };
  it.each([
    ['text', 'ground'],
    ['text', 'panel'],
    ['muted', 'ground'],
    ['muted', 'panel'],
    ['accent', 'ground'],
    ['accent', 'panel'],
    ['on-accent', 'accent'],
    ['on-critical', 'critical'],
  ])('%s on %s is text that can be read', (one, other) => {
    expect(contrast(one, other)).toBeGreaterThanOrEqual(4.5);
  });
  it.each(['ok', 'warn', 'critical', 'unknown'])('%s stands out from ground and panel', (level) => {
    expect(contrast(level, 'ground')).toBeGreaterThanOrEqual(3);
    expect(contrast(level, 'panel')).toBeGreaterThanOrEqual(3);
  });
});

it('the dark theme is the same by choice and by the system', () => {
  expect(of(':root:not([data-theme="light"])')).toEqual(themes.dark);
});

function luminance(colour: string | undefined): number {
  if (colour === '#fff') return 1;
  const [, percent, chroma, hue] = /^oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)$/.exec(colour ?? '') ?? [];
  if (!percent || !chroma || !hue) throw new Error(`not an OKLCH colour: ${colour}`);
  const angle = (Number(hue) * Math.PI) / 180;
  const [L, a, b] = [
    Number(percent) / 100,
    Number(chroma) * Math.cos(angle),
    Number(chroma) * Math.sin(angle),
  ];
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((part) => Math.min(1, Math.max(0, part))) as [number, number, number];
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}
