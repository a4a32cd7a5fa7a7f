/** How one call is answered badly. */
export type Misbehaviour =
  | { readonly kind: 'delay'; readonly ms: number }
  /** Held back until the next call that matches was answered, or for that long. */
  | { readonly kind: 'reorder'; readonly ms?: number }
  | {
      readonly kind: 'rate-limit';
      readonly seconds: number;
      readonly global?: boolean;
      /** Without headers, as a proxy in front does it. */
      readonly bare?: boolean;
    }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'error'; readonly status: number; readonly code: number; readonly message: string }
  /** Done, and the answer is lost. */
  | { readonly kind: 'reset-after' }
  /** Lost before anything was done. */
  | { readonly kind: 'reset-before' }
  /** Never answered; the client's own deadline ends it. `done` says whether it was carried out. */
  | { readonly kind: 'silent'; readonly done: boolean };

export interface Rule {
  readonly method?: string;
  /** Matched against the path behind /api/v10. */
  readonly path?: RegExp;
  /** How many calls it strikes; for ever when left out. */
  readonly times?: number;
  /** How many matching calls pass before. */
  readonly after?: number;
  readonly how: Misbehaviour;
}

/** The rules in force; the first that matches strikes. */
export class Rules {
  #rules: { readonly rule: Rule; passed: number; struck: number }[] = [];

  add(rule: Rule): void {
    this.#rules.push({ rule, passed: 0, struck: 0 });
  }

  clear(): void {
    this.#rules = [];
  }

  /** How often any rule has struck since it was set. */
  get struck(): number {
    return this.#rules.reduce((sum, one) => sum + one.struck, 0);
  }

  next(method: string, path: string): Misbehaviour | undefined {
    for (const one of this.#rules) {
      const { rule } = one;
      if (rule.method !== undefined && rule.method !== method) continue;
      if (rule.path && !rule.path.test(path)) continue;
      if (one.struck >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
      one.passed += 1;
      if (one.passed <= (rule.after ?? 0)) continue;
      one.struck += 1;
      return rule.how;
    }
    return undefined;
  }
}
