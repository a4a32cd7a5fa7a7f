import type { Lab } from '../lab.ts';
import type { Fault } from './fault.ts';

const NAME = 'careless';
const FILE = `/etc/varnish/${NAME}.vcl`;
/** What was in use before, so that it comes back whatever that was. */
const BEFORE = `/etc/varnish/${NAME}.before`;
const PRIVATE = '^/(cart|account)';

/** A VCL as it should be, but for the pages of the signed-in: it caches them for a minute, whoever asks. */
export const privatePageCached: Fault = {
  name: 'private-page-cached',
  summary: 'A VCL was put into use that caches the cart and the account: visitors see those of others',
  parts: ['web'],
  on: async (lab) => {
    if ((await active(lab)) === NAME) return;
    await lab.exec('web1', ['sh', '-s'], {
      input: `set -e
varnishadm vcl.list | awk '$1 == "active" { print $NF }' >${BEFORE}
awk '/^sub vcl_recv/ && !done { print "sub vcl_recv { if (req.url ~ \\"${PRIVATE}\\") { unset req.http.Cookie; return (hash); } }"; print "sub vcl_backend_response { if (bereq.url ~ \\"${PRIVATE}\\") { unset beresp.http.Set-Cookie; set beresp.ttl = 60s; return (deliver); } }"; done = 1 } { print }' /etc/varnish/default.vcl >${FILE}
varnishadm vcl.list | awk '{ print $NF }' | grep -qx ${NAME} || varnishadm vcl.load ${NAME} ${FILE}
varnishadm vcl.use ${NAME}
`,
    });
  },
  off: async (lab) => {
    if ((await active(lab)) === NAME) {
      const before = (await lab.exec('web1', ['cat', BEFORE])).trim() || 'boot';
      await lab.varnishadm('vcl.use', before);
    }
    await lab.varnishadm('ban', 'req.url', '~', PRIVATE);
  },
};

async function active(lab: Lab): Promise<string | undefined> {
  const lines = (await lab.varnishadm('vcl.list')).split('\n');
  return lines
    .find((line) => line.startsWith('active'))
    ?.trim()
    .split(/\s+/)
    .at(-1);
}
