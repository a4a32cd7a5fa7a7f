import type { Fault } from './fault.ts';

/** Dropped twice, or created where somebody has mended it already, it is the same. */
export const missingIndex: Fault = {
  name: 'missing-index',
  summary: "order_item's foreign key has no index any more: each order page reads the whole table",
  parts: ['web', 'postgres'],
  mix: { order: 14 },
  on: async (lab) => {
    await lab.psql('db1', 'SET lock_timeout = 10000; DROP INDEX IF EXISTS order_item_order;');
  },
  off: async (lab) => {
    // One that was left half made would be taken for it.
    await lab.psql(
      'db1',
      `SET lock_timeout = 10000;
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('order_item_order') AND NOT indisvalid) THEN
    DROP INDEX order_item_order;
  END IF;
END $$;
SET ROLE shop;
CREATE INDEX IF NOT EXISTS order_item_order ON order_item (order_id);`,
    );
  },
};
