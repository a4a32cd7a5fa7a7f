import type { Lab } from '../lab.ts';
import type { Role } from '../secrets.ts';

/** Where clients of the customers' database run that are not the application. */
const HOST = 'client2';

/**
 * A client of MariaDB that outlives this process: `body` is Python with `connect()` at hand, run anew a second after it
 * fails, as after a session that was ended.
 */
export function startMysqlClient(lab: Lab, name: string, role: Role, body: string): Promise<void> {
  return lab.daemon(HOST, name, ['/usr/bin/python3', '-u', '-c', PYTHON], {
    user: 'nobody',
    env: {
      CLIENT_HOST: lab.address('my1'),
      CLIENT_ROLE: role,
      CLIENT_PASSWORD: lab.passwords.mysql[role],
      CLIENT_BODY: body,
    },
  });
}

export function stopMysqlClient(lab: Lab, name: string): Promise<void> {
  return lab.stopDaemon(HOST, name);
}

const PYTHON = `
import os, threading, time, traceback
import MySQLdb
where = {name: os.environ["CLIENT_" + name.upper()] for name in ("host", "role", "password")}
def connect():
    return MySQLdb.connect(host=where["host"], user=where["role"], password=where["password"], database="shop", connect_timeout=5)
body = compile(os.environ["CLIENT_BODY"], "body", "exec")
while True:
    try:
        exec(body, {"connect": connect, "threading": threading, "time": time})
    except Exception:
        traceback.print_exc(limit=1)
    time.sleep(1)
`;
