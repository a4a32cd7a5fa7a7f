import { type Document, isAlias, isCollection, isMap, isNode, isScalar, isSeq, type LineCounter } from 'yaml';

export type ConfigPath = readonly PropertyKey[];

/** Finds where in the file something of the config stands. */
export class Places {
  constructor(
    private readonly file: string,
    private readonly document: Document,
    private readonly lines: LineCounter,
  ) {}

  /** `file:line:column` of a value, or of its key where the value has more than one line; of the nearest parent when it is missing. */
  of(path: ConfigPath): string {
    return this.at(this.#find(path).value);
  }

  /** `file:line:column` of a key. */
  ofKey(path: ConfigPath): string {
    return this.at(this.#find(path).key);
  }

  at(offset: number): string {
    const { line, col } = this.lines.linePos(offset);
    return line === 0 ? `${this.file}:1:1` : `${this.file}:${line}:${col}`;
  }

  #find(path: ConfigPath): { key: number; value: number } {
    let node: unknown = this.document.contents;
    let found = { key: startOf(node), value: startOf(node) };
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(this.document);
      if (isMap(node)) {
        const pair = node.items.find((one) => keyText(one.key) === String(step));
        if (!pair) break;
        node = pair.value;
        const key = startOf(pair.key);
        found = { key, value: isScalar(node) && node.range && node.value !== null ? node.range[0] : key };
      } else if (isSeq(node)) {
        const item: unknown = node.items[Number(step)];
        if (item === undefined) break;
        node = item;
        found = { key: startOf(item), value: startOf(item) };
      } else break;
    }
    return found;
  }
}

export function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

export function startOf(node: unknown): number {
  return (isNode(node) && node.range?.[0]) || 0;
}

/** Keys that a file has twice: the YAML library would quietly take the last one. */
export function doubleKeys(document: Document): { path: string[]; at: number; first: number }[] {
  const found: { path: string[]; at: number; first: number }[] = [];
  const look = (node: unknown, path: string[]): void => {
    if (!isCollection(node)) return;
    if (!isMap(node)) {
      for (const [i, item] of node.items.entries()) look(item, [...path, String(i)]);
      return;
    }
    const seen = new Map<string, number>();
    for (const pair of node.items) {
      const key = keyText(pair.key);
      const at = startOf(pair.key);
      const first = seen.get(key);
      if (first === undefined) seen.set(key, at);
      else found.push({ path: [...path, key], at, first });
      look(pair.value, [...path, key]);
    }
  };
  look(document.contents, []);
  return found;
}

/** `console.tokens[0].may` */
export function pathText(path: ConfigPath): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  );
}
