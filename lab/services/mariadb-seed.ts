import { LIMITS } from '../limits.ts';
import type { Seed } from './seed.ts';

/** The customers' database, stopped cleanly and without a binary log: a copy follows the other from its first event. */
export function mariadbSeed(): Seed {
  return { name: 'mariadb', user: 'mysql', make: MAKE, files: { 'all.sql': SQL } };
}

const MAKE = `set -e
chown mysql .
mariadb-install-db --no-defaults --user=mysql --datadir=/media/main --skip-test-db --skip-name-resolve --innodb-log-file-size=16M >make.log 2>&1
mariadbd --no-defaults --user=mysql --datadir=/media/main --socket=/media/socket --pid-file=/media/pid --skip-networking --skip-log-bin --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0 >>make.log 2>&1 &
server=$!
client='--no-defaults --socket=/media/socket'
until mariadb-admin $client ping >/dev/null 2>&1; do kill -0 $server; sleep 0.1; done
mariadb $client <all.sql >>make.log
mariadb-dump $client --skip-comments --no-data shop >reference.sql
mariadb-dump $client --skip-comments --no-create-info --skip-extended-insert shop django_migrations >>reference.sql
mariadb-admin $client shutdown
wait $server
`;

/** A password that nobody has: each lab gives its own at its start. */
const NOBODY = "IDENTIFIED VIA mysql_native_password USING 'invalid'";

/**
 * The shop's customers and invoices. invoice_item.invoice_id is a foreign key by its name only, as in many a shop, so
 * that its index may go; invoice.customer_id is a real one. Rights are those that each account needs and no more.
 */
const SQL = `
CREATE USER shop ${NOBODY};
CREATE USER warroom ${NOBODY};
CREATE USER warroom_act ${NOBODY};
CREATE USER report ${NOBODY};
CREATE USER repl ${NOBODY};
CREATE DATABASE shop CHARACTER SET utf8mb4;
GRANT ALL ON shop.* TO shop;
GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO warroom;
GRANT SELECT ON shop.* TO warroom;
GRANT SELECT ON performance_schema.* TO warroom;
GRANT SELECT, EXECUTE ON sys.* TO warroom;
GRANT SELECT ON mysql.innodb_index_stats TO warroom;
GRANT SELECT ON mysql.innodb_table_stats TO warroom;
GRANT PROCESS, CONNECTION ADMIN, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO warroom_act;
GRANT SELECT, CREATE, ALTER, INDEX ON shop.* TO warroom_act;
GRANT SELECT ON performance_schema.* TO warroom_act;
GRANT SELECT, EXECUTE ON sys.* TO warroom_act;
GRANT SELECT ON shop.* TO report;
GRANT REPLICATION SLAVE ON *.* TO repl;
USE shop;

CREATE TABLE customer (id int PRIMARY KEY, name varchar(80) NOT NULL, email varchar(120) NOT NULL);
INSERT INTO customer SELECT seq, CONCAT('Customer ', seq), CONCAT('c', seq, '@example.com')
  FROM seq_1_to_5000;

CREATE TABLE invoice (id int PRIMARY KEY, customer_id int NOT NULL, total decimal(8,2) NOT NULL,
  paid tinyint NOT NULL DEFAULT 1, KEY invoice_customer (customer_id),
  CONSTRAINT invoice_customer_fk FOREIGN KEY (customer_id) REFERENCES customer (id));
INSERT INTO invoice SELECT seq, seq % 5000 + 1, seq % 300, 1 FROM seq_1_to_${LIMITS.invoices};

CREATE TABLE invoice_item (id int PRIMARY KEY, invoice_id int NOT NULL, product_id int NOT NULL,
  amount int NOT NULL);
INSERT INTO invoice_item SELECT seq, seq % ${LIMITS.invoices} + 1, seq % ${LIMITS.products} + 1, seq % 5 + 1
  FROM seq_1_to_${LIMITS.invoiceItems};
ALTER TABLE invoice_item ADD INDEX invoice_item_invoice (invoice_id);

CREATE TABLE django_migrations (id int PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL,
  applied datetime(6) NOT NULL);
INSERT INTO django_migrations VALUES
  (1, 'crm', '0001_initial', '2026-03-02 09:00:00'),
  (2, 'crm', '0002_invoice_paid', '2026-06-15 09:00:00'),
  (3, 'crm', '0003_invoice_item_invoice_index', '2026-09-07 09:00:00');
ANALYZE TABLE customer, invoice, invoice_item;
`;
