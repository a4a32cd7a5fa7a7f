import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../host.ts';
import { addressOf } from '../plan.ts';
import type { Service } from './service.ts';

export const CLI = '127.0.0.1:6082';
export const SECRET = '/run/varnish.secret';
export const VCL_FILE = '/mnt/default.vcl';

/** Varnish in front of everything, with the VCL of a careful shop: cookies only where pages are personal. */
export const varnish: Service = {
  host: 'web1',
  prepare: (root, number) =>
    writeFileSync(join(hostDir(root, 'web1'), 'data', 'default.vcl'), vcl(addressOf(number, 'lb1'))),
  start: () => [
    [
      'sh',
      '-c',
      `head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' > ${SECRET} && chown root:warroom-act ${SECRET} && chmod 640 ${SECRET} && exec varnishd -F -a :80 -T ${CLI} -S ${SECRET} -f ${VCL_FILE} -s malloc,64m -p thread_pools=2 -p thread_pool_min=20 -p vsl_space=20M`,
    ],
  ],
  ready: (number) => `http://${addressOf(number, 'web1')}/health`,
};

function vcl(balancer: string): string {
  return `vcl 4.1;

backend lb {
  .host = "${balancer}";
  .port = "8080";
  .first_byte_timeout = 15s;
  .probe = { .url = "/lb-health"; .interval = 2s; .timeout = 1s; .window = 5; .threshold = 3; .initial = 3; }
}

sub vcl_recv {
  if (req.url !~ "^/(cart|account|buy|order)") {
    unset req.http.Cookie;
  }
}

sub vcl_backend_response {
  set beresp.grace = 10s;
}

sub vcl_deliver {
  set resp.http.X-Hits = obj.hits;
}
`;
}
