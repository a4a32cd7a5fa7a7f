/** What goes wrong with a call. The first rule that fits is used, and used up. */
export type Misdeed =
  /** HTTP 429; without `retryAfter` the header is missing. */
  | { readonly kind: 'rate-limit'; readonly retryAfter?: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'error'; readonly error: string; readonly more?: object }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The call takes effect, then the connection is reset. */
  | { readonly kind: 'processed-then-reset' }
  /** Reset before anything is done. */
  | { readonly kind: 'lost' }
  /** Done, and never answered. */
  | { readonly kind: 'processed-then-silent' }
  | { readonly kind: 'silent' };

export interface Rule {
  /** `chat.postMessage`, or everything that fits. */
  readonly method: string | RegExp;
  readonly misdeed: Misdeed;
  /** How many calls; one by default. */
  readonly times?: number;
}

export class Rules {
  /** Asked where no rule fits: for moods that come and go. */
  mood: (method: string) => Misdeed | undefined = () => undefined;
  #rules: { readonly rule: Rule; left: number }[] = [];

  add(rule: Rule): void {
    this.#rules.push({ rule, left: rule.times ?? 1 });
  }

  clear(): void {
    this.#rules = [];
  }

  take(method: string): Misdeed | undefined {
    const found = this.#rules.find(
      ({ rule, left }) =>
        left > 0 && (typeof rule.method === 'string' ? rule.method === method : rule.method.test(method)),
    );
    if (!found) return this.mood(method);
    found.left -= 1;
    return found.rule.misdeed;
  }
}
