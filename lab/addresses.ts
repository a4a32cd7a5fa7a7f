import { addressOf } from './plan.ts';
import type { Role } from './secrets.ts';
import { MARIADB_PORT } from './services/mariadb.ts';
import { POOL_PORT } from './services/pgbouncer.ts';
import { POSTGRES_PORT } from './services/postgres.ts';
import { AMQP_PORT, MANAGEMENT_PORT } from './services/rabbitmq.ts';
import { REDIS_PORT } from './services/redis.ts';
import type { Place } from './services/service.ts';

export const DATABASE = 'shop';

/** A URL of PostgreSQL with a password in it; `at` is a host of the lab, or 127.0.0.1 as seen from the server's own. */
export function postgresUrl({ number, passwords }: Place, role: Role, at: string): string {
  return `postgres://${role}:${passwords.postgres[role]}@${seen(number, at)}:${POSTGRES_PORT}/${DATABASE}`;
}

/** The same of the pooler; its databases are `shop`, `report`, and its console `pgbouncer`. */
export function poolUrl({ number, passwords }: Place, role: Role, at: string, database: string): string {
  return `postgres://${role}:${passwords.postgres[role]}@${seen(number, at)}:${POOL_PORT}/${database}`;
}

/** The same of MariaDB. */
export function mariadbUrl({ number, passwords }: Place, role: Role, at: string): string {
  return `mysql://${role}:${passwords.mysql[role]}@${seen(number, at)}:${MARIADB_PORT}/${DATABASE}`;
}

export function brokerUrl({ passwords }: Place): string {
  return `redis://:${passwords.redis}@queue1:${REDIS_PORT}/0`;
}

export function rabbitmqUrl({ passwords }: Place, user: 'shop' | 'warroom'): string {
  return `amqp://${user}:${passwords.rabbitmq[user]}@queue1:${AMQP_PORT}//`;
}

export function managementUrl({ passwords }: Place): string {
  return `http://warroom:${passwords.rabbitmq.warroom}@queue1:${MANAGEMENT_PORT}`;
}

function seen(number: number, at: string): string {
  return at === '127.0.0.1' ? at : addressOf(number, at);
}
