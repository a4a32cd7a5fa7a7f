/** What visitors ask for: weights of page classes. A fault may change them while traffic runs. */
export interface Mix {
  readonly home: number;
  readonly product: number;
  readonly order: number;
  readonly buy: number;
  readonly cart: number;
  readonly legacy: number;
  readonly cpu: number;
}

export const HEALTHY: Mix = { home: 10, product: 48, order: 5, buy: 2, cart: 3, legacy: 32, cpu: 0 };

/** Old URLs that are still linked from everywhere: a few hot ones and a long tail. */
export const LEGACY_NAMES: readonly string[] = Array.from(
  { length: 48 },
  (_, i) => `shoe-${String(i + 1).padStart(2, '0')}.html`,
);

/** A path of the mix; `draw` gives numbers from 0 to 1. */
export function pathOf(
  mix: Mix,
  draw: () => number,
): { readonly kind: keyof Mix; readonly path: string; readonly method: 'GET' | 'POST' } {
  const entries = Object.entries(mix) as [keyof Mix, number][];
  let left = draw() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  const kind =
    entries.find(([, weight]) => {
      left -= weight;
      return left < 0;
    })?.[0] ?? 'home';
  const number = Math.floor(draw() * draw() * 200) + 1;
  const paths: Readonly<Record<keyof Mix, string>> = {
    home: '/',
    product: `/product/${number}`,
    order: `/order/${Math.floor(draw() * 100_000) + 1}`,
    // A query of its own: Varnish makes identical requests that it cannot cache wait for each other.
    buy: `/buy/${number}?once=${Math.floor(draw() * 1e9)}`,
    cart: '/cart',
    legacy: `/legacy/${LEGACY_NAMES[Math.floor(draw() * draw() * LEGACY_NAMES.length)] ?? LEGACY_NAMES[0]}`,
    cpu: `/cpu?ms=40&once=${Math.floor(draw() * 1e9)}`,
  };
  return { kind, path: paths[kind], method: kind === 'buy' ? 'POST' : 'GET' };
}
