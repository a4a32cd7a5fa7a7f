import type { Lab } from '../lab.ts';

/** Sessions in the database besides the visitors'; they end by themselves. */
export interface Sessions {
  /** How many; "full" = until nine of ten places of the server are taken. */
  readonly count: number | 'full';
  /** Through PgBouncer, or past it to PostgreSQL itself. */
  readonly through: 'pool' | 'database';
  /** What each says once. */
  readonly sql: readonly string[];
  /** What each says again and again after that; without it, it does nothing any more. */
  readonly again?: string;
  /** Between two times. */
  readonly pauseSeconds?: number;
  /** When they end at the latest; half an hour when left out. */
  readonly seconds?: number;
}

/** Starts them as the application's role, from one of its hosts where there is one. */
export function startSessions(lab: Lab, name: string, sessions: Sessions): Promise<void> {
  const script = `export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp\nexec timeout ${sessions.seconds ?? 1800} python3 -u -c "$PROGRAM"`;
  return lab.daemon(hostOf(lab), name, ['sh', '-c', script], {
    user: 'www-data',
    env: {
      PROGRAM: PYTHON,
      PGPASSWORD: lab.passwords.postgres.shop,
      PGPORT: sessions.through === 'pool' ? '6432' : '5432',
      SESSIONS: JSON.stringify(sessions),
    },
  });
}

export function stopSessions(lab: Lab, name: string): Promise<void> {
  return lab.stopDaemon(hostOf(lab), name);
}

function hostOf(lab: Lab): string {
  return lab.hosts.some((host) => host.name === 'app1') ? 'app1' : 'client2';
}

const PYTHON = `
import json, os, threading, time
import psycopg2

wanted = json.loads(os.environ["SESSIONS"])
USED = """SELECT count(*) >= 0.92 * (current_setting('max_connections')::int - 3)
  FROM pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL"""


def opened():
    session = psycopg2.connect(host="db1", user="shop", dbname="shop", application_name="shop")
    session.autocommit = True
    cursor = session.cursor()
    for sql in wanted["sql"]:
        cursor.execute(sql)
    return session, cursor


def work():
    while True:
        try:
            session, cursor = opened()
            while "again" in wanted:
                cursor.execute(wanted["again"])
                time.sleep(wanted.get("pauseSeconds", 0))
            while not session.closed:
                time.sleep(1)
        except psycopg2.Error as problem:
            print(problem)
            time.sleep(1)


if wanted["count"] == "full":
    kept = []
    while True:
        try:
            if not kept:
                kept.append(opened())
            kept[0][1].execute(USED)
            if not kept[0][1].fetchone()[0]:
                kept.append(opened())
                continue
        except psycopg2.Error as problem:
            print(problem)
            kept = [one for one in kept if not one[0].closed]
        time.sleep(2)
else:
    for _ in range(wanted["count"]):
        threading.Thread(target=work, daemon=True).start()
    while True:
        time.sleep(60)
`;
