/**
 * The only two ways for a value to get into VCL. A short string ends at a double quote or a line end and knows no
 * escapes; a long one ends at `"}` (vcl(7), "Strings"). What holds both is put together from several.
 */
export function vclString(text: string): string {
  // A header or a URL cannot carry control characters either.
  if (/[\u0000-\u001f\u007f]/.test(text))
    throw new TypeError('A VCL string may not hold control characters.');
  if (!text.includes('"')) return `"${text}"`;
  return text
    .split('"}')
    .map((part) => (part.includes('"') ? long(part) : `"${part}"`))
    .join(` + {"""} + "}" + `);
}

/** A long string may not end in a quote: the brace behind it would close one quote too early. */
function long(part: string): string {
  const [, body = '', quotes = ''] = /^(.*?)("*)$/s.exec(part) ?? [];
  return [body === '' ? '' : `{"${body}"}`, ...[...quotes].map(() => '{"""}')].filter(Boolean).join(' + ');
}

/** The text as a PCRE2 pattern that matches just it. */
export function regexEscape(text: string): string {
  return text.replace(/[^A-Za-z0-9/_]/g, (char) => (char.charCodeAt(0) < 0x80 ? `\\${char}` : char));
}

export interface VclRules {
  /** Runs before the VCL's own subroutines: it stands right behind the version line. */
  readonly front: string;
  /** Runs where the VCL's own subroutines did not decide: it stands at the end. */
  readonly tail: string;
}

/**
 * The base with the rules around it. Subroutines of one name run in the order in which they are written, so no line
 * of the base is touched. Undefined when the base does not begin with a version line.
 */
export function compose(base: string, rules: VclRules): string | undefined {
  const at = versionEnd(base);
  if (at === undefined) return undefined;
  const tail = rules.tail === '' ? '' : `\n${rules.tail}\n`;
  return `${base.slice(0, at)}\n\n${rules.front}\n${base.slice(at).replace(/\n*$/, '\n')}${tail}`;
}

/** Where `vcl 4.x;` ends; only comments and space may stand before it. */
function versionEnd(source: string): number | undefined {
  const before =
    /^(?:\s+|#[^\n]*(?:\n|$)|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(source)?.[0].length ?? 0;
  const version = /^vcl\s+4\.[0-9]\s*;/.exec(source.slice(before));
  return version ? before + version[0].length : undefined;
}
