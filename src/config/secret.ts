import { inspect } from 'node:util';
import { hide } from '../errors/hidden.ts';

/**
 * A value that must not be shown. It prints as «secret» wherever it is turned into text by accident
 * (template, JSON, console, inspect); only `reveal` gives the value, at the one call that needs it. What others say of
 * it is looked through for its value (`withoutHidden`).
 */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
    hide(value);
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '«secret»';
  }
  toJSON(): string {
    return '«secret»';
  }
  [inspect.custom](): string {
    return '«secret»';
  }
}
