import { LIMITS } from '../limits.ts';
import type { Part } from '../plan.ts';

/** What visitors ask for: weights of page classes. A fault may change some of them while traffic runs. */
export interface Mix {
  readonly home: number;
  readonly product: number;
  readonly missing: number;
  readonly order: number;
  readonly buy: number;
  readonly cart: number;
  readonly account: number;
  readonly legacy: number;
  /** Pages of parts besides web. */
  readonly frag: number;
  readonly myorder: number;
  readonly enqueue: number;
}

export type PageClass = keyof Mix;

export const HEALTHY: Mix = {
  home: 14,
  product: 62,
  missing: 1,
  order: 3,
  buy: 1,
  cart: 2,
  account: 2,
  legacy: 15,
  frag: 0,
  myorder: 0,
  enqueue: 0,
};

/** What visitors ask for besides, where the part that answers it is up. */
const OF_PARTS: Readonly<Record<Part, Partial<Mix>>> = {
  web: {},
  postgres: {},
  mysql: { myorder: 2 },
  cache: { frag: 3 },
  tasks: { enqueue: 1 },
};

/** Weights over the healthy mix that come with the parts. */
export function mixOf(parts: readonly Part[]): Partial<Mix> {
  return Object.assign({}, ...parts.map((part) => OF_PARTS[part]));
}

/** Products that visitors look at; the rest of the shop is never asked for. */
const SEEN_PRODUCTS = 200;

/** Pieces that pages are put together of. */
const SEEN_FRAGMENTS = 100;

/** Old URLs that are still linked from everywhere: a few hot ones and a long tail. */
export const LEGACY_NAMES: readonly string[] = Array.from(
  { length: 48 },
  (_, i) => `shoe-${String(i + 1).padStart(2, '0')}.html`,
);

export interface Page {
  readonly kind: PageClass;
  readonly path: string;
  readonly method: 'GET' | 'POST';
}

/** A page of the mix; `draw` gives numbers from 0 to 1. */
export function pageOf(mix: Mix, draw: () => number): Page {
  const entries = Object.entries(mix) as [PageClass, number][];
  let left = draw() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  const kind =
    entries.find(([, weight]) => {
      left -= weight;
      return left < 0;
    })?.[0] ?? 'home';
  return { kind, path: pathOf(kind, draw), method: kind === 'buy' ? 'POST' : 'GET' };
}

function pathOf(kind: PageClass, draw: () => number): string {
  // The product of two draws is skewed towards the first ones.
  const skewed = (count: number) => Math.floor(draw() * draw() * count);
  switch (kind) {
    case 'frag':
      return `/frag/${skewed(SEEN_FRAGMENTS)}`;
    case 'myorder':
      return `/myorder/${Math.floor(draw() * LIMITS.invoices) + 1}`;
    case 'enqueue':
      // Varnish makes one request of several that are the same.
      return `/enqueue?n=1&at=${Math.floor(draw() * 1e9)}`;
    case 'home':
      return '/';
    case 'product':
      return `/product/${skewed(SEEN_PRODUCTS) + 1}`;
    case 'missing':
      return `/no-such-page/${skewed(20) + 1}`;
    case 'order':
      return `/order/${Math.floor(draw() * LIMITS.orders) + 1}`;
    case 'buy':
      return `/buy/${skewed(SEEN_PRODUCTS) + 1}`;
    case 'cart':
    case 'account':
      return `/${kind}`;
    case 'legacy':
      return `/legacy/${LEGACY_NAMES[skewed(LEGACY_NAMES.length)] ?? ''}`;
  }
}
