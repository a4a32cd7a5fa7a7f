import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTOR } from '../accounts.ts';
import { hostDir } from '../host.ts';
import { addressOf } from '../plan.ts';
import { answers } from '../run.ts';
import { BALANCER_PORT } from './haproxy.ts';
import type { Service } from './service.ts';

export const CLI = '127.0.0.1:6082';
export const SECRET = '/etc/varnish/secret';
export const VCL_FILE = '/etc/varnish/default.vcl';

/** Varnish in front of everything, with the VCL of a careful shop: cookies only where pages are personal. */
export const varnish: Service = {
  name: 'varnishd@web1',
  host: 'web1',
  parts: ['web'],
  process: ['-x', 'varnishd'],
  binds: [
    ['varnish', '/etc/varnish'],
    ['shared-memory', '/var/lib/varnish'],
  ],
  prepare: ({ root, number }) => {
    const dir = join(hostDir(root, 'web1'), 'varnish');
    writeFileSync(join(dir, 'default.vcl'), vcl(addressOf(number, 'lb1')));
    writeFileSync(join(dir, 'secret'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  },
  // The secret is what lets somebody change the cache: the acting account's group reads it, nobody else.
  start: () => `
chgrp ${ACTOR} ${SECRET} && chmod 640 ${SECRET}
setsid -f varnishd -F -a :80 -T ${CLI} -S ${SECRET} -f ${VCL_FILE} -s malloc,$(cat /etc/varnish/storage 2>/dev/null || echo 64m) -p thread_pools=2 -p thread_pool_min=20 -p vsl_space=20M </dev/null >>/var/log/varnishd.log 2>&1`,
  ready: ({ number }) => answers(`http://${addressOf(number, 'web1')}/health`),
};

function vcl(balancer: string): string {
  return `vcl 4.1;

backend balancer {
  .host = "${balancer}";
  .port = "${BALANCER_PORT}";
  .connect_timeout = 2s;
  .first_byte_timeout = 15s;
  # Of HAProxy itself: a page of the application would wait in its queue and take the whole site down with it.
  .probe = { .url = "/lb-health"; .interval = 1s; .timeout = 1s; .window = 5; .threshold = 3; .initial = 3; }
}

sub vcl_recv {
  if (req.url ~ "^/(cart|account|order/|buy/|cpu|frag/|myorder/|enqueue)") {
    return (pass);
  }
  # Everything else looks the same for everybody.
  unset req.http.Cookie;
}

sub vcl_backend_response {
  set beresp.grace = 10s;
}

sub vcl_deliver {
  set resp.http.X-Hits = obj.hits;
  if (obj.hits > 0) {
    set resp.http.X-Cache = "hit";
  } else {
    set resp.http.X-Cache = "miss";
  }
}
`;
}
