import type { Fault } from './fault.ts';

const NAME = 'nightly-report';
const HOST = 'client2';

/** About a second of work each time on a database of 0.4 cores. */
const REPORT = `SELECT o.customer, sum(i.amount * o.total) FROM order_item i JOIN orders o ON o.id = i.order_id
GROUP BY 1 ORDER BY 2 DESC LIMIT 20;
`;

/** Its connection string stays as it is: whoever moves it changes where the pooler's database `report` goes. */
export const externalClient: Fault = {
  name: 'external-client',
  summary: 'A report from outside joins all orders, three at a time, through the pooler to the primary',
  parts: ['postgres'],
  on: (lab) =>
    lab.daemon(
      HOST,
      NAME,
      [
        'sh',
        '-c',
        // A report that fails, as when the pooler is restarted, is begun anew.
        `printf '%s' "$REPORT" >/tmp/report.sql; end=$(($(date +%s) + 1800))
while [ $(date +%s) -lt $end ]; do pgbench -n -h db1 -p 6432 -U report -c 3 -T 1800 -f /tmp/report.sql report; sleep 1; done`,
      ],
      {
        user: 'nobody',
        env: { REPORT, PGPASSWORD: lab.passwords.postgres.report, PGAPPNAME: NAME, HOME: '/tmp' },
      },
    ),
  off: (lab) => lab.stopDaemon(HOST, NAME),
};
