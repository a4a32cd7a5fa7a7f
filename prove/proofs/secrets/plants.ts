import { randomBytes } from 'node:crypto';

/** One secret: what it is, and its value, which is never said. */
export interface Planted {
  readonly kind: string;
  readonly value: string;
  /** Outputs that show it by the team's own doing: the arguments of the config's own command are in the process list. */
  readonly except?: RegExp;
}

/** So much of a value, from either end, is a leak: a message may cut it anywhere. */
const PIECE = 10;
const AROUND = 60;

export interface Leak {
  readonly kind: string;
  readonly where: string;
  /** The text around it, without it. */
  readonly excerpt: string;
}

/** The secrets of one proof, each a random marker that is nothing else. */
export class Plants {
  readonly #planted: Planted[] = [];
  /** May be shown, and must be found: it shows that the search works. */
  readonly control = `control${marker()}`;

  /** A new secret in the form that such a secret has; what is searched for is its random part. */
  plant(kind: string, form: (marker: string) => string = (text) => text, except?: RegExp): string {
    const value = marker();
    this.know(kind, value, except);
    return form(value);
  }

  /** A secret that somebody else made: a key, a token of the lab. */
  know(kind: string, value: string, except?: RegExp): void {
    this.#planted.push({ kind, value, ...(except === undefined ? {} : { except }) });
  }

  get kinds(): string[] {
    return this.#planted.map(({ kind }) => kind);
  }

  holdsControl(text: string): boolean {
    return text.includes(this.control);
  }

  /** Every secret that is in the text, whole or in part. */
  leaks(where: string, original: string): Leak[] {
    const text = original.toLowerCase();
    return this.#planted.flatMap(({ kind, value, except }) => {
      if (except?.test(where)) return [];
      const at = [value.slice(0, PIECE), value.slice(-PIECE)]
        .map((piece) => text.indexOf(piece.toLowerCase()))
        .find((found) => found >= 0);
      return at === undefined ? [] : [{ kind, where, excerpt: this.#excerpt(text, at) }];
    });
  }

  #excerpt(text: string, at: number): string {
    const piece = text.slice(Math.max(0, at - AROUND), at + AROUND).replace(/\s+/g, ' ');
    return this.#planted.reduce((shown, { value }) => {
      for (let from = 0; from + PIECE <= value.length; from++)
        shown = shown.replaceAll(value.slice(from, from + PIECE).toLowerCase(), '▇');
      return shown.replace(/▇[a-z0-9▇]*/g, '▇');
    }, piece);
  }
}

function marker(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  return `q${[...randomBytes(23)].map((byte) => letters[byte % letters.length]).join('')}`;
}
