/** CPU of each lab host in cores: what makes one machine behave like many. Two cores carry all of it and the bot. */
export const CPU_CORES = {
  web1: 0.4,
  lb1: 0.3,
  app: 0.2,
  db1: 0.4,
  client1: 0.4,
} as const;

export const LIMITS = {
  /** uWSGI processes a server. */
  workers: 2,
  /** HAProxy's connections a server: what is above queues in HAProxy, where it shows. */
  serverMaxconn: 4,
  /** CPU that one legacy redirect burns in the application. */
  legacyMs: 40,
  /** CPU that one dynamic page burns. */
  dynamicMs: 6,
  /** Requests per second that need no calibration on two cores: comfortable when healthy, too much for three servers with `no-redirect-cache`, not for five. */
  rate: 60,
  /** Order rows in the database. */
  orders: 100_000,
  orderItems: 300_000,
  /** Seconds after which traffic ends by itself. */
  trafficSeconds: 1800,
} as const;
