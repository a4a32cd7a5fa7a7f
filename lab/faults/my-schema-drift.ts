import type { Fault } from './fault.ts';

export const mySchemaDrift: Fault = {
  name: 'my-schema-drift',
  summary: 'The migration 0002_invoice_paid was never applied: its column is missing',
  parts: ['mysql'],
  on: async (lab) => {
    await lab.mariadb(
      'my1',
      'ALTER TABLE invoice DROP COLUMN IF EXISTS paid; DELETE FROM django_migrations WHERE id = 2;',
    );
  },
  off: async (lab) => {
    await lab.mariadb(
      'my1',
      `ALTER TABLE invoice ADD COLUMN IF NOT EXISTS paid tinyint NOT NULL DEFAULT 1 AFTER total;
INSERT IGNORE INTO django_migrations VALUES (2, 'crm', '0002_invoice_paid', '2026-06-15 09:00:00');`,
    );
  },
};
