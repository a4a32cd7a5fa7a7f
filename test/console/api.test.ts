import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, bench, SECRETS } from './bench.ts';
import { type Session, signedIn } from './client.ts';

/** What the console answers to whom: everything closed until somebody is known, and each press decided by the desk. */

const CLOSED = [
  ['GET', '/api/status'],
  ['GET', '/api/findings'],
  ['GET', '/api/notes'],
  ['GET', '/api/me'],
  ['GET', '/api/incidents'],
  ['GET', '/api/incidents/12'],
  ['GET', '/api/complete?text=st'],
  ['GET', '/api/readings?metric=uwsgi.busy_workers&target=app&window=10m'],
  ['GET', '/api/stream'],
  ['GET', '/metrics'],
  ['GET', '/api/nothing-here'],
  ['GET', '/%61pi/status'],
  ['GET', '/api//status'],
  ['POST', '/api/commands'],
  ['POST', '/api/proposals/12-A/approve'],
  ['POST', '/api/proposals/12-A/refuse'],
  ['POST', '/api/marks'],
  ['POST', '/api/signout'],
] as const;

let one: Bench;
let ada: Session;
let ben: Session;
let eve: Session;
beforeAll(async () => {
  one = await bench();
  one.desk.open();
  ada = await signedIn(one, 'ada');
  ben = await signedIn(one, 'ben');
  eve = await signedIn(one, 'eve');
});
afterAll(() => one.close());

const body = JSON.stringify({ text: 'status', planHash: 'x' });
const json = { 'content-type': 'application/json' };
const planHash = () => one.desk.incident('12')?.proposals[0]?.planHash ?? '';

describe('without sign-in', () => {
  it.each(CLOSED)('%s %s is refused, and nothing of the launch leaks', async (method, path) => {
    const attempts: Record<string, string>[] = [
      {},
      { cookie: 'warroom_session=forged' },
      { authorization: 'Bearer wrong' },
      { authorization: 'Basic YWRhOmFkYQ==' },
    ];
    for (const headers of attempts) {
      const answer = await fetch(one.url + path, {
        method,
        headers: { ...json, ...headers },
        ...(method === 'POST' ? { body } : {}),
      });
      const text = await answer.text();
      expect(answer.status).toBe(401);
      expect(Object.keys(JSON.parse(text) as object).sort()).toEqual(['error', 'mend', 'reason']);
      expect(text).not.toMatch(/legacy|relaunch|edge|12-A|ada/i);
    }
  });

  it('only health answers, with nothing secret', async () => {
    const answer = await fetch(`${one.url}/api/health`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'ok', version: '0.1.0-test', uptime: 0 });
  });

  it('a token in the address is no token', async () => {
    for (const name of ['token', 'access_token', 'authorization'])
      expect((await fetch(`${one.url}/api/status?${name}=${SECRETS['WALL']}`)).status).toBe(401);
  });

  it('pages carry a policy that lets nothing in from elsewhere', async () => {
    const answer = await fetch(`${one.url}/`);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(answer.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('no file outside the built pages is served', async () => {
    for (const path of [
      '/assets/../../../package.json',
      '/assets/%2e%2e/%2e%2e/package.json',
      '/assets/..%2findex.html',
    ])
      expect((await fetch(one.url + path)).status).not.toBe(200);
  });
});

describe('a sign-in link', () => {
  const use = (token: string, headers: Record<string, string> = {}) =>
    fetch(`${one.url}/api/signin`, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: JSON.stringify({ token }),
    });

  it('has its secret in the fragment and works once', async () => {
    const link = new URL(await one.link('ada'));
    expect(link.pathname + link.search).toBe('/signin');
    const token = link.hash.slice(1);
    const answers = await Promise.all([use(token), use(token), use(token)]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 401, 401]);
    const cookie = answers.find((answer) => answer.ok)?.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Strict/i);
    expect(cookie).toMatch(/Path=\//i);
    expect(cookie).not.toMatch(/Secure/i);
    expect(one.logged.join('\n')).not.toContain(token);
  });

  it('is not kept in the store, only its hash', async () => {
    const token = new URL(await one.link('ada')).hash.slice(1);
    const rows = JSON.stringify([
      await one.store.db.selectFrom('links').selectAll().execute(),
      await one.store.db.selectFrom('sessions').selectAll().execute(),
    ]);
    expect(rows).not.toContain(token);
    expect(rows).not.toContain(ada.cookie.split('=')[1]);
  });

  it('expires after ten minutes', async () => {
    const token = new URL(await one.link('ada')).hash.slice(1);
    const before = one.now;
    one.now += 10 * 60_000;
    expect((await use(token)).status).toBe(401);
    one.now = before;
  });

  it('is not taken from another page', async () => {
    const token = new URL(await one.link('ada')).hash.slice(1);
    expect((await use(token, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await use(token)).status).toBe(200);
  });

  it('is slowed down after ten wrong ones in a minute', async () => {
    const other = await bench();
    const wrong = () =>
      fetch(`${other.url}/api/signin`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ token: 'guess' }),
      });
    const codes: number[] = [];
    for (let i = 0; i < 12; i++) codes.push((await wrong()).status);
    await other.close();
    expect(codes.filter((code) => code === 429)).toHaveLength(2);
  });
});

describe('a session', () => {
  it('reads and asks', async () => {
    expect(await (await ada.get('/api/me')).json()).toMatchObject({
      name: 'ada',
      rights: ['see', 'operate', 'approve'],
    });
    expect(await (await ada.get('/api/status')).json()).toMatchObject({ level: 'critical' });
    expect(await (await ada.get('/api/incidents?state=open')).json()).toHaveLength(1);
    expect((await ada.get('/api/incidents?state=nonsense')).status).toBe(400);
    expect((await ada.get('/api/incidents/99')).status).toBe(404);
    expect(await (await ada.get('/api/complete?text=st')).json()).toEqual({ completions: ['status'] });
    expect(await (await ada.get('/api/readings?metric=a&target=app&window=2h')).json()).toMatchObject({
      target: 'app',
    });
    expect(await (await ada.post('/api/commands', { text: 'whoami' })).json()).toHaveProperty('blocks');
  });

  it('ends after twelve hours, and at sign-out', async () => {
    const before = one.now;
    const short = await signedIn(one, 'ada');
    one.now += 12 * 3_600_000;
    expect((await short.get('/api/status')).status).toBe(401);
    one.now = before;
    expect((await short.get('/api/status')).status).toBe(200);
    expect((await short.post('/api/signout', {})).status).toBe(200);
    expect((await short.get('/api/status')).status).toBe(401);
  });

  it('presses only from the console itself', async () => {
    const press = (headers: Record<string, string>) =>
      fetch(`${one.url}/api/proposals/12-A/approve`, {
        method: 'POST',
        headers: { ...json, cookie: ada.cookie, ...headers },
        body: JSON.stringify({ planHash: planHash() }),
      });
    const csrf = { 'x-csrf-token': ada.csrf };
    for (const headers of [
      csrf,
      { ...csrf, origin: 'https://evil.example' },
      { ...csrf, origin: 'null' },
      { ...csrf, origin: `${one.url}.evil.example` },
      { origin: one.url },
      { origin: one.url, 'x-csrf-token': ben.csrf },
    ])
      expect((await press(headers)).status).toBe(403);
    expect(one.desk.presses).toHaveLength(0);
  });

  it('answers to no other name', async () => {
    for (const host of ['evil.example', `evil.example:${new URL(one.url).port}`, '127.0.0.1:1'])
      expect(await statusWithHost(one.url, host)).toBe(421);
    expect(await statusWithHost(one.url, `localhost:${new URL(one.url).port}`)).toBe(200);
  });

  it('shows nothing to a page of another origin, whoever is signed in or holds a token', async () => {
    const origin = { origin: 'https://evil.example' };
    const token = { authorization: `Bearer ${SECRETS['WALL']}` };
    for (const path of ['/api/status', '/api/incidents', '/api/me', '/api/stream'])
      expect((await fetch(one.url + path, { headers: { ...origin, ...token } })).status).toBe(403);
    expect((await fetch(`${one.url}/api/health`, { headers: origin })).status).toBe(200);
  });

  it('does not take more than 64 KiB', async () => {
    expect((await ada.post('/api/commands', { text: 'x'.repeat(70_000) })).status).toBe(413);
  });

  it('without the right to see gets nothing, but its presses reach the desk to be refused and written down', async () => {
    expect((await eve.get('/api/status')).status).toBe(403);
    expect((await eve.get('/api/stream')).status).toBe(403);
    const answer = await eve.post('/api/proposals/12-A/approve', { planHash: planHash() });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({ error: 'NOT_ALLOWED', reason: 'your rights are none', mend: '' });
    expect(one.desk.presses.at(-1)).toEqual({ what: 'approve 12-A', by: 'eve', allowed: false });
  });

  it('that may not approve is told why, and how that is mended', async () => {
    const answer = await ben.post('/api/proposals/12-A/approve', { planHash: planHash() });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      error: 'NOT_ALLOWED',
      reason: 'your rights are see, operate',
      mend: expect.stringContaining('people:') as string,
    });
  });

  it('approves a plan that is the one it saw', async () => {
    const changed = await ada.post('/api/proposals/12-A/approve', { planHash: 'another' });
    expect(changed.status).toBe(409);
    const answer = await ada.post('/api/proposals/12-A/approve', { planHash: planHash() });
    expect(await answer.json()).toMatchObject({ ok: true, state: 'approved', proposal: { id: '12-A' } });
    expect((await ada.post('/api/proposals/12-A/approve', { planHash: planHash() })).status).toBe(409);
    expect((await ada.post('/api/proposals/99-Z/approve', { planHash: 'x' })).status).toBe(404);
  });
});

describe('a token', () => {
  const call = (key: string, path: string, data?: object) =>
    fetch(one.url + path, {
      headers: { ...json, authorization: `Bearer ${SECRETS[key]}` },
      ...(data ? { method: 'POST', body: JSON.stringify(data) } : {}),
    });

  it('has its own rights, without cookie, Origin or CSRF token', async () => {
    expect((await call('WALL', '/api/status')).status).toBe(200);
    expect(await (await call('WALL', '/api/me')).json()).toEqual({ name: 'wall', rights: ['see'] });
    expect((await call('WALL', '/api/marks', { text: 'v3' })).status).toBe(403);
    expect((await call('DEPLOY', '/api/marks', { text: 'v3 <b>out</b>' })).status).toBe(200);
    expect((await call('DEPLOY', '/api/marks', { text: ' ' })).status).toBe(400);
  });

  it('never approves by itself, only as the person that it names', async () => {
    const plan = { planHash: one.desk.incident('12')?.proposals[1]?.planHash ?? '' };
    expect((await call('DEPLOY', '/api/proposals/12-B/approve', plan)).status).toBe(403);
    expect((await call('ADA', '/api/proposals/12-B/approve', plan)).status).toBe(200);
    expect(one.desk.presses.at(-1)?.by).toBe('ada');
  });

  it('that was taken out of the config is no longer known', async () => {
    const before = one.config;
    one.config = { ...before, console: { ...before.console, tokens: [] } };
    expect((await call('WALL', '/api/status')).status).toBe(401);
    one.config = before;
  });
});

async function statusWithHost(url: string, host: string): Promise<number> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    request(`${url}/api/health`, { headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}
