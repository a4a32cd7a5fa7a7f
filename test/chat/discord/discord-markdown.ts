/** A reading of Discord's markdown, rather too keen than not: it finds a construct wherever a client might. */
export interface Node {
  readonly type: string;
  /** What is shown of it. */
  readonly text: string;
}

type Rule = readonly [type: string, pattern: RegExp, shown: (match: RegExpExecArray) => string | Node[]];

const INLINE: readonly Rule[] = [
  ['text', /^\\([^0-9A-Za-z\s])/, (match) => match[1] ?? ''],
  ['fence', /^```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```/i, (match) => match[2] ?? ''],
  ['code', /^(`+)([\s\S]*?[^`])\1(?!`)/, (match) => match[2] ?? ''],
  ['link', /^<[^: >]+:\/[^ >]+>/, (match) => match[0]],
  ['link', /^(?:https?|steam|discord):\/\/[^\s<]+/i, (match) => match[0]],
  ['link', /^(?:www\.|discord\.gg\/)\S+/i, (match) => match[0]],
  ['link', /^\[[^\]]*\]\([^)]*\)/, (match) => match[0]],
  ['link', /^<mailto:[^>]+>/i, (match) => match[0]],
  ['mention', /^<(?:@[!&]?|#)\d+>/, (match) => match[0]],
  ['mention', /^<\/[^:>]+:\d+>/, (match) => match[0]],
  ['mention', /^<id:\w+>/, (match) => match[0]],
  ['time', /^<t:-?\d+(?::\w)?>/, (match) => match[0]],
  ['emoji', /^<a?:\w+:\d+>/, (match) => match[0]],
  ['mention', /^@(?:everyone|here)/, (match) => match[0]],
  ['emoji', /^:[^\s:]+:/, (match) => match[0]],
  ['strong', /^\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/, (match) => parse(match[1] ?? '')],
  ['underline', /^__((?:\\[\s\S]|[^\\])+?)__(?!_)/, (match) => parse(match[1] ?? '')],
  ['strike', /^~~((?:\\[\s\S]|[^\\])+?)~~/, (match) => parse(match[1] ?? '')],
  ['spoiler', /^\|\|([\s\S]+?)\|\|/, (match) => parse(match[1] ?? '')],
  ['emphasis', /^\*(?=\S)((?:\\[\s\S]|[^\\*])+?)\*(?!\*)/, (match) => parse(match[1] ?? '')],
  ['emphasis', /^_((?:\\[\s\S]|[^\\_])+?)_/, (match) => parse(match[1] ?? '')],
];

const LINE_STARTS: readonly (readonly [type: string, pattern: RegExp])[] = [
  ['heading', /^#{1,3} +/],
  ['subtext', /^-# +/],
  ['quote', /^ *>(?:>>)? /],
  ['list', /^ *(?:[*-]|\d+\.) +/],
];

/** The nodes of a text, flat: a node with nodes in it counts as itself, with their text. */
export function parse(source: string): Node[] {
  const nodes: Node[] = [];
  let rest = source;
  let lineStart = true;
  while (rest !== '') {
    const start = lineStart ? LINE_STARTS.find(([, pattern]) => pattern.test(rest)) : undefined;
    if (start) {
      nodes.push({ type: start[0], text: '' });
      rest = rest.replace(start[1], '');
      lineStart = false;
      continue;
    }
    const found = firstOf(rest);
    if (found) {
      const shown = found.shown;
      if (typeof shown === 'string') nodes.push({ type: found.type, text: shown });
      else {
        nodes.push({ type: found.type, text: shown.map((node) => node.text).join('') });
        for (const inner of shown) if (inner.type !== 'text') nodes.push({ type: inner.type, text: '' });
      }
      rest = rest.slice(found.length);
      lineStart = false;
    } else {
      nodes.push({ type: 'text', text: rest[0] ?? '' });
      lineStart = rest[0] === '\n';
      rest = rest.slice(1);
    }
  }
  return nodes;
}

function firstOf(rest: string): { type: string; shown: string | Node[]; length: number } | undefined {
  for (const [type, pattern, shown] of INLINE) {
    const match = pattern.exec(rest);
    if (match) return { type, shown: shown(match), length: match[0].length };
  }
  return undefined;
}

export function shownText(nodes: readonly Node[]): string {
  return nodes.map((node) => node.text).join('');
}

/** Every kind of node but plain text. */
export function kinds(nodes: readonly Node[]): string[] {
  return nodes.filter((node) => node.type !== 'text').map((node) => node.type);
}
