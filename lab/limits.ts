/**
 * CPU of each lab host in cores: what makes one machine behave like many. Two cores carry all of it, the visitors
 * and the bot; under the heaviest fault the lab as a whole stays near one core.
 */
export const CPU_CORES = {
  web1: 0.4,
  lb1: 0.3,
  app: 0.2,
  db1: 0.4,
  db2: 0.3,
  my1: 0.4,
  my2: 0.3,
  cache: 0.2,
  queue1: 0.2,
  worker: 0.3,
  client1: 0.4,
  client2: 0.3,
} as const;

/** Cores of a host while its servers start: importing Django within 0.2 of a core would take seconds. */
export const BOOT_CORES = 1.5;

export const LIMITS = {
  /** uWSGI processes a server. */
  workers: 2,
  /**
   * HAProxy's connections a server. More than the workers, so that uWSGI's own listen queue shows; few enough that
   * a health check behind them is still answered in time, and that the rest queues in HAProxy, where it shows too.
   */
  serverMaxconn: 8,
  /** CPU that one legacy redirect burns in the application. */
  legacyMs: 25,
  /** CPU that one private page burns. */
  dynamicMs: 18,
  /** CPU that any other page burns. */
  pageMs: 2,
  /**
   * Requests per second that need no calibration on two cores: comfortable when healthy; with `no-redirect-cache`
   * too much for three application servers, and not for five.
   */
  rate: 60,
  products: 1_000,
  /** Order rows in the database, and rows of what was ordered. */
  orders: 300_000,
  orderItems: 300_000,
  /** Rows in the customers' database. */
  invoices: 100_000,
  invoiceItems: 300_000,
  /** Seconds after which traffic ends by itself. */
  trafficSeconds: 1800,
} as const;
