import type { Fault } from './fault.ts';

const MIGRATION = "(2, 'shop', '0002_product_sold', '2026-05-11 09:00:00+00')";

/** Nothing that the site does needs the default. */
export const schemaDrift: Fault = {
  name: 'schema-drift',
  summary:
    'A migration that was tested was not applied: a default is missing, and its row in django_migrations',
  parts: ['postgres'],
  on: async (lab) => {
    await lab.psql(
      'db1',
      `SET lock_timeout = 10000;
ALTER TABLE product ALTER COLUMN sold DROP DEFAULT;
DELETE FROM django_migrations WHERE name = '0002_product_sold';`,
    );
  },
  off: async (lab) => {
    await lab.psql(
      'db1',
      `SET lock_timeout = 10000;
ALTER TABLE product ALTER COLUMN sold SET DEFAULT 0;
INSERT INTO django_migrations VALUES ${MIGRATION} ON CONFLICT DO NOTHING;`,
    );
  },
};
