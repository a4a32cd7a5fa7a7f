import { appendFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import type { Lab } from '../../../lab/index.ts';
import { HOSTS, SITE } from '../../../lab/plan.ts';
import { LEGACY_NAMES } from '../../../lab/traffic/mix.ts';
import { eventually } from '../../proof.ts';
import type { Plants } from './plants.ts';

const APPS = HOSTS.filter((host) => host.role === 'uwsgi').map((host) => host.name);
const EACH_MS = 120;
const AS_HOT = 6;

/** Pages of a careless shop: tokens in redirects, in cookies, in what it says when it fails. */
export async function carelessShop(lab: Lab, plants: Plants): Promise<void> {
  appendFileSync(
    join(lab.root, 'site', 'shop.py'),
    `

def moved(request, number):
    burn(8)
    token = "${plants.plant('Location: ?token= of a redirect')}"
    access = "${plants.plant('Location: #access_token= of a redirect')}"
    response = HttpResponsePermanentRedirect(f"/product/{number}?token={token}#access_token={access}")
    response["Cache-Control"] = "no-store"
    response.set_cookie("sessionid", "${plants.plant('Set-Cookie of an answer: session id')}")
    return response


def broken(request):
    raise RuntimeError("no such customer ${plants.plant('text of an exception in the application')}")


def denied(request):
    return page("${plants.plant('body of a 401')}", PRIVATE, 401)


def failing(request):
    return page("${plants.plant('body of a 500')}", PRIVATE, 500)


def slow(request):
    time.sleep(2.5)
    return page("Slow", PRIVATE)


urlpatterns += [
    path("moved/<int:number>", moved),
    path("cart/broken", broken),
    path("cart/denied", denied),
    path("cart/failing", failing),
    path("cart/slow", slow),
]
`,
  );
  await Promise.all(APPS.map((app) => lab.exec(app, ['sh', '-s'], { input: 'echo r > /run/uwsgi.fifo\n' })));
  const web = lab.address('web1');
  let well = 0;
  await eventually(
    'the careless shop',
    async () => {
      const [status] = await ask(web, `/moved/${well}`, {});
      well = status === 301 ? well + 1 : 0;
      return well >= 12 ? true : undefined;
    },
    60_000,
    100,
  );
}

/** Visitors and attackers whose requests hold secrets; they go on until stopped, and are as hot as the site's own. */
export function carelessVisitors(lab: Lab, plants: Plants): () => void {
  const web = lab.address('web1');
  const query = [
    `token=${plants.plant('query of a hot URL: token')}`,
    `sig=${plants.plant('query of a hot URL: sig')}`,
    `email=${plants.plant('query of a hot URL: email')}%40example.com`,
    `x=${plants.plant('query of a hot URL: any value')}`,
  ].join('&');
  const headers = {
    Host: SITE,
    Cookie: `sessionid=${plants.plant('Cookie of a request: session id')}`,
    Authorization: plants.plant('Authorization: Basic of a request', (text) => `Basic ${text}==`),
    Referer: `https://mail.example.com/?token=${plants.plant('Referer of a request: token')}`,
    'User-Agent': `lab token=${plants.plant('User-Agent of a request: token=')}`,
    'X-Api-Key': plants.plant('X-Api-Key of a request (request variables of uWSGI)'),
  };
  const bearer = {
    ...headers,
    Authorization: plants.plant('Authorization: Bearer of a request', (t) => `Bearer ${t}`),
  };
  const session = plants.plant(';jsessionid= in a path');
  const encoded = plants.plant('a query that was encoded into the path');
  const user = plants.plant('user info of an absolute request URL');
  const legacy = (i: number) => `/legacy/${LEGACY_NAMES[i % 6] ?? ''}?${query}`;
  const paths: readonly ((i: number) => string)[] = [
    legacy,
    (i) => `/moved/${i % 4}?${query}`,
    () => `/cart;jsessionid=${session}?${query}`,
    legacy,
    () => `/cart%3Ftoken=${encoded}`,
    () => `http://ada:${user}@${SITE}/cart?${query}`,
    (i) => `/moved/${i % 4}?${query}`,
    (i) => ['/cart/broken', '/cart/denied', '/cart/failing', '/cart/slow'][(i >> 3) % 4] ?? '/',
  ];
  let sent = 0;
  const timer = setInterval(() => {
    const path = paths[sent % paths.length]?.(sent) ?? '/';
    sent += 1;
    // What has its secret in the path must be among the few that a look shows.
    for (let times = path.startsWith('/cart;') || path.startsWith('/cart%') ? AS_HOT : 1; times > 0; times--)
      void ask(web, path.includes('slow') ? `${path}?${query}` : path, sent % 3 === 0 ? bearer : headers);
  }, EACH_MS);
  return () => clearInterval(timer);
}

function ask(host: string, path: string, headers: http.OutgoingHttpHeaders): Promise<readonly [number]> {
  return new Promise((resolve) => {
    const sent = http.get(
      { host, port: 80, path, headers: { Host: SITE, ...headers }, timeout: 12_000, agent: false },
      (response) => {
        response.resume();
        response.once('close', () => resolve([response.statusCode ?? 0]));
      },
    );
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve([0]));
  });
}
