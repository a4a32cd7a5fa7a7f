import { z } from 'zod';

/** The whole config file as a person writes it. Unknown keys are refused; what is left out has its default here. */

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'must be a plain name: letters, digits, . _ -');
const port = z.int().min(1).max(65535);

export const SecretSource = z.union([
  // A secret that was written here by mistake is no name, and is not repeated.
  z.strictObject({
    env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the NAME of an environment variable'),
  }),
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ command: z.array(z.string()).min(1) }),
]);
export type SecretSource = z.infer<typeof SecretSource>;

const duration = z
  .string()
  .regex(/^\d+(ms|s|m|h|d)$/, 'must be a duration such as 30s, 15m or 2h')
  .transform(milliseconds);

/** "15m" -> 900000. */
export function milliseconds(text: string): number {
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  return match ? Number(match[1]) * unit[match[2] as keyof typeof unit] : Number.NaN;
}

const perSecond = z
  .string()
  .regex(/^\d+(\.\d+)?\/s$/, 'must be a rate such as 240/s')
  .transform((text) => Number(text.slice(0, -2)));

const sshAccount = {
  user: z.string().min(1),
  key: SecretSource.optional(),
  password: SecretSource.optional(),
  knownHosts: z.string().optional(),
  port: port.default(22),
};

const host = z.union([
  z.strictObject({ address: z.string().min(1), port: port.optional(), sharedKernel: z.boolean().optional() }),
  z.strictObject({ local: z.literal(true), sharedKernel: z.boolean().optional() }),
]);

const edges = { before: name.optional(), uses: z.array(name).default([]) };
const on = z.union([name.transform((one) => [one]), z.array(name).min(1)]);

export const VarnishService = z.strictObject({
  kind: z.literal('varnish'),
  on,
  /** Where visitors reach it; the Host header of our own clean requests. */
  url: z.url(),
  /** Where the bot itself reaches it; default: the host's address, port 80. */
  address: z.string().optional(),
  cached: z.array(z.string()).default([]),
  passed: z.array(z.string()).default([]),
  /** Working directory name given to varnishd -n, when not the default. */
  instance: z.string().optional(),
  cli: z.string().default('127.0.0.1:6082'),
  secret: z.string().default('/etc/varnish/secret'),
  /** The VCL file a run-time rule should be written to for good; only named in the patch. */
  file: z.string().default('/etc/varnish/default.vcl'),
  ...edges,
});
export const HaproxyService = z.strictObject({
  kind: z.literal('haproxy'),
  on,
  socket: z.string().default('/run/haproxy/stats.sock'),
  adminSocket: z.string().optional(),
  backend: name,
  file: z.string().default('/etc/haproxy/haproxy.cfg'),
  ...edges,
});
export const UwsgiService = z.strictObject({
  kind: z.literal('uwsgi'),
  on,
  spares: z.array(name).default([]),
  /** Port that the proxy speaks to. */
  port: port.default(8000),
  /** A path that answers 200 when the application is well; asked before a server is added. */
  health: z.string().default('/health'),
  stats: z.string().default('127.0.0.1:9191'),
  fifo: z.string().optional(),
  ...edges,
});
/**
 * Where a server is reached and as whom: a URL. One with a password in it stays out of the file: { env: NAME }.
 * On a service with `on` the URL is opened from that host, so names and loopback addresses are the host's own.
 */
export const ServerSource = z.union([
  SecretSource,
  z
    .url()
    .refine(
      (text) => !hasPassword(text),
      'has a password in it: keep the URL elsewhere and write { env: NAME } or { file: PATH }',
    ),
]);
export type ServerSource = z.infer<typeof ServerSource>;

/** Names of replicas: a host of the config (then it is opened from there), else any name. */
const replicas = z.record(name, ServerSource).default({});
const optionalOn = on.default([]);

const database = {
  on: optionalOn,
  /** URL of the reading account on the primary. */
  primary: ServerSource,
  /** URL of the acting account. */
  act: ServerSource.optional(),
  replicas,
  /** Query log on the host; a glob is a pattern of the last part only. */
  logs: z.string().optional(),
  /** Roles that are the application's own: whatever else asks is a client from outside. */
  application: z.array(z.string().min(1)).default([]),
  /** What the schema should be: a file with a dump of it, or the URL of the environment it was tested in. */
  reference: z.union([z.string().min(1), SecretSource]).optional(),
};
export const PostgresService = z.strictObject({ kind: z.literal('postgres'), ...database, ...edges });
export const MysqlService = z.strictObject({ kind: z.literal('mysql'), ...database, ...edges });
export const PgbouncerService = z.strictObject({
  kind: z.literal('pgbouncer'),
  on: optionalOn,
  /** URL of the console for a user of stats_users, who may look: postgres://warroom@127.0.0.1:6432/pgbouncer. */
  admin: ServerSource,
  /** The same for a user of admin_users, who may reload and pause. */
  act: ServerSource.optional(),
  file: z.string().default('/etc/pgbouncer/pgbouncer.ini'),
  ...edges,
});
export const MemcachedService = z.strictObject({
  kind: z.literal('memcached'),
  /** host:port of each server, in the order in which the application hashes over them. */
  servers: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, 'must be host:port'),
    )
    .min(1),
  user: z.string().optional(),
  password: SecretSource.optional(),
  ...edges,
});
export const CeleryService = z.strictObject({
  kind: z.literal('celery'),
  /** Hosts of the workers; the broker is reached from the first of them. */
  on: optionalOn,
  spares: z.array(name).default([]),
  /** redis://, rediss://, amqp:// or amqps://. */
  broker: ServerSource,
  queues: z.array(z.string().min(1)).min(1).default(['celery']),
  /** What Celery calls control_exchange and event_exchange begin with, and Redis' global_keyprefix. */
  keyPrefix: z.string().default(''),
  /** RabbitMQ's management API, for unacknowledged messages and rates: http://monitoring@127.0.0.1:15672. */
  management: ServerSource.optional(),
  /** What the workers' unit is called in systemd: named in advice only. */
  unit: z.string().optional(),
  ...edges,
});

export const Service = z.discriminatedUnion('kind', [
  VarnishService,
  HaproxyService,
  UwsgiService,
  CeleryService,
  MemcachedService,
  PostgresService,
  PgbouncerService,
  MysqlService,
]);
export type Service = z.infer<typeof Service>;
export type ServiceOf<K extends Service['kind']> = Extract<Service, { kind: K }>;

export const RIGHTS = ['see', 'operate', 'approve'] as const;
export type Right = (typeof RIGHTS)[number];
const may = z.array(z.enum(RIGHTS)).default(['see']);

const person = z.strictObject({
  slack: z.string().optional(),
  discord: z.string().optional(),
  console: z.string().optional(),
  terminal: z.string().optional(),
  may,
});

/** A check's override: `off`, or some of its thresholds; the check's own schema decides which keys exist. */
const override = z.union([z.literal('off'), z.record(z.string(), z.union([z.number(), z.string()]))]);

const Slack = z.strictObject({
  /** The launch channel's id, C… or G…. */
  channel: z.string().regex(/^[CG][A-Z0-9]{2,20}$/, 'must be a channel id such as C0123456, not its name'),
  botToken: SecretSource,
  mode: z.enum(['socket', 'http']).default('socket'),
  /** Socket Mode: the app-level token, xapp-…. */
  appToken: SecretSource.optional(),
  /** HTTP mode: what requests are signed with, and where they arrive (/slack/events). */
  signingSecret: SecretSource.optional(),
  listen: z.string().default('127.0.0.1:3000'),
  /** Another address of the Web API: a proxy, a rehearsal. */
  api: z.url().default('https://slack.com/api/'),
});
export type Slack = z.infer<typeof Slack>;

const snowflake = z.string().regex(/^\d{1,20}$/, 'must be an id: digits in quotes');
const Discord = z.strictObject({
  guild: snowflake,
  channel: snowflake,
  token: SecretSource,
  /** Another address of the API: a proxy, a rehearsal. */
  api: z.url().default('https://discord.com/api'),
});
export type Discord = z.infer<typeof Discord>;

export const Config = z.strictObject({
  launch: z
    .strictObject({
      name: z.string().min(1).default('This machine'),
      timezone: z
        .string()
        .default('UTC')
        .refine(isTimezone, 'must be an IANA time zone such as Europe/Berlin'),
      expect: z
        .strictObject({
          requests: perSecond.optional(),
          app: z.int().positive().optional(),
          hitRate: z.number().min(0).max(1).optional(),
        })
        .prefault({}),
      watch: z.array(z.string()).default([]),
      /** Visitors' own limit: p95 in seconds. */
      p95: z.number().positive().default(1),
    })
    .prefault({}),
  ssh: z.strictObject({ ...sshAccount, jump: name.optional() }).optional(),
  act: z.strictObject(sshAccount).optional(),
  hosts: z.record(name, host).default({}),
  services: z.record(name, Service).default({}),
  sites: z.array(z.string()).default([]),
  chat: z.strictObject({ slack: Slack.optional(), discord: Discord.optional() }).prefault({}),
  console: z
    .strictObject({
      listen: z.string().default('127.0.0.1:7080'),
      publicUrl: z.url().optional(),
      tokens: z
        .array(z.strictObject({ name, may, person: name.optional(), secret: SecretSource }))
        .default([]),
    })
    .prefault({}),
  people: z.record(name, person).default({}),
  policy: z
    .strictObject({
      channelMembers: z.enum(['see', 'none']).default('see'),
      approvals: z.int().min(1).max(5).default(1),
      highRisk: z.strictObject({ approvals: z.int().min(1).max(5).default(2) }).prefault({}),
      expire: duration.default(900_000),
      askerMayApprove: z.boolean().default(false),
      off: z.array(z.string()).default([]),
    })
    .prefault({}),
  escalate: z
    .array(
      z.strictObject({ after: duration, mention: z.string().optional(), webhook: SecretSource.optional() }),
    )
    .default([]),
  checks: z.record(z.string(), override).default({}),
  heartbeat: SecretSource.optional(),
  store: z.string().default('sqlite:data/warroom.db'),
});
/** The config after defaults; durations are milliseconds, rates are per second. */
export type Config = z.infer<typeof Config>;

function hasPassword(url: string): boolean {
  try {
    return new URL(url).password !== '';
  } catch {
    return false;
  }
}

function isTimezone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
