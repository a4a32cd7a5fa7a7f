import type { z } from 'zod';
import { WarroomError } from '../../errors/catalogue.ts';
import type { PostgresClient } from '../../targets/postgres-link.ts';
import { postgresLink } from '../../targets/postgres-link.ts';
import type { CollectContext } from '../contract.ts';

/** Works with a session of the place's own server. */
export function onServer<R>(
  context: CollectContext,
  work: (client: PostgresClient) => Promise<R>,
): Promise<R> {
  const { place } = context;
  if (!place.server)
    throw new WarroomError('NOT_FOUND', { kind: 'server', id: place.target, hint: 'Give its URL: primary.' });
  return context.link(postgresLink, place.server.source, work);
}

/** Rows of our own statement, each of them checked; BAD_ANSWER names the column that is not as expected. */
export async function ask<T extends z.ZodType>(
  client: PostgresClient,
  row: T,
  text: string,
  values: readonly unknown[] = [],
): Promise<z.infer<T>[]> {
  const rows = await client.rows(text, values);
  return rows.map((one) => {
    const parsed = row.safeParse(one);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new WarroomError('BAD_ANSWER', {
      target: 'PostgreSQL',
      expected: `a row of "${text.replace(/\s+/g, ' ').trim().slice(0, 60)}"`,
      problem: `${issue?.path.join('.')}: ${issue?.message}`,
    });
  });
}

/** Whether a role sees what others run; asked until it does, so that a GRANT is seen at once. */
export async function needMonitor(client: PostgresClient, target: string): Promise<void> {
  if (client.remembered.has('monitor')) return;
  const [row] = await client.rows("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may");
  if (row?.['may'] !== true)
    throw new WarroomError('NO_RIGHT', {
      target,
      what: 'see what other roles run in PostgreSQL',
      mend: `As a superuser: GRANT pg_monitor TO ${quoteName(client.role)};`,
    });
  client.remembered.set('monitor', true);
}

/** A name as SQL takes it. Names come from the server's own catalogue alone. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
