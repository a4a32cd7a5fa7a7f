/**
 * A statement of MySQL with its literals blank, so that two that differ only in values are one, and nothing that
 * somebody stored is shown. Quoted names stay, comments go, lists of values become one. Cut text is fine.
 */
export function fingerprint(sql: string): string {
  return blank(sql)
    .replace(/\s+/g, ' ')
    .replace(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, '(?)')
    .replace(/(\bvalues?\s*\(\?\))(?:\s*,\s*\(\?\))+/gi, '$1')
    .trim();
}

const TOKEN = new RegExp(
  [
    /`(?:[^`]|``)*(?:`|$)/.source,
    /'(?:[^'\\]|\\(?:[\s\S]|$)|'')*(?:'|$)/.source,
    /"(?:[^"\\]|\\(?:[\s\S]|$)|"")*(?:"|$)/.source,
    /\/\*[\s\S]*?(?:\*\/|$)/.source,
    /#[^\n]*/.source,
    /--(?=\s|$)[^\n]*/.source,
    // What an operator's minus belongs to is not told apart: `a -1` and `a - 1` are one.
    /(?<![\w$.])(?:0x[0-9a-f]+|0b[01]+|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)(?![\w$])/.source,
    /(?<![\w$])(?:x|b|n|_[a-z0-9]+)(?=\s*')/.source,
  ].join('|'),
  'gi',
);

function blank(sql: string): string {
  return sql.replace(TOKEN, (found) => {
    const first = found[0] as string;
    if (first === '`') return found;
    if (found.startsWith('/*') || first === '#' || found.startsWith('--')) return ' ';
    return /^[xbn_]/i.test(first) ? '' : '?';
  });
}

/** Functions, whose bracket belongs to them; IN and VALUES keep their distance. */
const FUNCTION =
  /\b(COUNT|SUM|AVG|MIN|MAX|COALESCE|IFNULL|CONCAT|LOWER|UPPER|DATE|NOW|ROUND|LENGTH|GROUP_CONCAT)\s+\(/g;

/** A digest's text as a person writes it: servers put blanks around each sign and quotes around each name. */
export function tidy(digest: string): string {
  return digest
    .replace(/`(\w+)`/g, '$1')
    .replace(/ ([,.;)])/g, '$1')
    .replace(/([(.]) /g, '$1')
    .replace(FUNCTION, '$1(')
    .replace(/;$/, '');
}
