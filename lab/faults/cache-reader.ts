import type { Lab } from '../lab.ts';
import { MEMCACHED_PORT } from '../services/memcached.ts';

export const CACHE_HOSTS = ['cache1', 'cache2'] as const;

export interface Reading {
  /** Servers by host, in the order in which the reader hashes over them. */
  readonly servers: readonly string[];
  /** Reads a second; what is missing is stored. */
  readonly perSecond: number;
  /** What its keys begin with, how many there are, and how big they are. */
  readonly prefix: string;
  readonly keys: number;
  readonly bytes: number;
}

/** A reader of the caches besides the visitors; it outlives this process. */
export function startReader(lab: Lab, host: string, name: string, reading: Reading): Promise<void> {
  const servers = reading.servers.map((server) => `${lab.address(server)}:${MEMCACHED_PORT}`);
  return lab.daemon(host, name, ['/usr/bin/python3', '-u', '-c', PYTHON], {
    user: 'nobody',
    env: { READER: JSON.stringify({ ...reading, servers }) },
  });
}

const PYTHON = `
import json, os, random, socket, time, zlib
want = json.loads(os.environ["READER"])
sockets = {}
def ask(server, text):
    if server not in sockets:
        host, port = server.split(":")
        sockets[server] = socket.create_connection((host, int(port)), 5).makefile("rwb")
    file = sockets[server]
    file.write(text)
    file.flush()
    first = file.readline()
    if first.startswith(b"VALUE"):
        file.read(int(first.split()[3]) + 2)
        file.readline()
        return True
    return False
value = b"x" * want["bytes"]
due = time.monotonic()
while True:
    key = "%s:%d" % (want["prefix"], random.randrange(want["keys"]))
    server = want["servers"][zlib.crc32(key.encode()) % len(want["servers"])]
    try:
        if not ask(server, b"get %s\\r\\n" % key.encode()):
            ask(server, b"set %s 0 0 %d\\r\\n%s\\r\\n" % (key.encode(), len(value), value))
    except OSError as problem:
        sockets.pop(server, None)
        print(problem)
        time.sleep(0.5)
    due = max(due + 1 / want["perSecond"], time.monotonic() - 1)
    time.sleep(max(0, due - time.monotonic()))
`;
