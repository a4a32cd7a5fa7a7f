import http from 'node:http';
import type { Bot } from '../../bot.ts';
import type { Act } from '../../proof.ts';
import { warroom } from './records.ts';
import type { Scene } from './strangers.ts';

type Headers = Readonly<Record<string, string>>;
interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** Every route of the console, by everybody who should not be there. */
export async function consoleDoors(
  act: Act,
  scene: Scene,
  tokens: Readonly<Record<string, string>>,
): Promise<void> {
  const { bot, incident, relief } = scene;
  const gets = [
    'status',
    'notes',
    'incidents',
    `incidents/${incident}`,
    'complete?text=why',
    'me',
    'stream',
    'readings?metric=stack.requests&target=edge',
  ];
  const posts: readonly (readonly [string, object])[] = [
    ['commands', { text: 'mark forged' }],
    [`proposals/${relief.id}/approve`, { planHash: relief.planHash }],
    [`proposals/${relief.id}/refuse`, { planHash: relief.planHash }],
    ['marks', { text: 'forged' }],
    ['signout', {}],
  ];
  const routes = [...gets.map((path) => [path, undefined] as const), ...posts];
  const session = await signIn(bot, 'ada');
  const ada: Headers = { authorization: `Bearer ${tokens['ada']}` };
  const cookie: Headers = { cookie: session.cookie };
  const origin: Headers = { origin: bot.url };
  const before = await scene.records.state(bot);
  const cases: readonly (readonly [string, Headers, readonly number[], 'all' | 'changes'])[] = [
    ['without a token', {}, [401], 'all'],
    ['with a wrong token', { authorization: 'Bearer 0000000000000000' }, [401], 'all'],
    ['with a token of another kind', { authorization: `Basic ${tokens['ada']}` }, [401], 'all'],
    ['with a wrong token beside a cookie', { ...cookie, ...origin, authorization: 'Bearer 0' }, [401], 'all'],
    ['with a cookie of nobody', { ...origin, cookie: 'warroom_session=0000000000' }, [401], 'all'],
    ['from a foreign Origin', { ...ada, origin: 'https://evil.example' }, [403], 'all'],
    ['from an Origin of null', { ...ada, origin: 'null' }, [403], 'all'],
    [
      'from a foreign Origin, signed in',
      { ...cookie, origin: 'https://evil.example', 'x-csrf-token': session.csrf },
      [403],
      'all',
    ],
    ['to a foreign Host', { ...ada, host: 'evil.example' }, [421], 'all'],
    ['with a cookie and no CSRF token', { ...cookie, ...origin }, [403], 'changes'],
    [
      'with a cookie and a wrong CSRF token',
      { ...cookie, ...origin, 'x-csrf-token': session.csrf.slice(1) },
      [403],
      'changes',
    ],
    [
      'with a cookie, a CSRF token and no Origin',
      { ...cookie, 'x-csrf-token': session.csrf },
      [403],
      'changes',
    ],
    ['by somebody without rights', { authorization: `Bearer ${tokens['eve']}` }, [403], 'all'],
  ];
  let asked = 0;
  for (const [how, headers, wanted, which] of cases) {
    const odd: string[] = [];
    for (const [path, body] of routes.filter(([, given]) => which === 'all' || given !== undefined)) {
      // Who one is, and signing out, are for everybody who is signed in.
      if (how.endsWith('without rights') && /^(me|signout)$/.test(path)) continue;
      const answer = await ask(`${bot.url}/api/${path}`, headers, body);
      asked += 1;
      if (!wanted.includes(answer.status) || !bare(answer))
        odd.push(`${path} ${answer.status} ${answer.text.slice(0, 80)}`);
    }
    act.check(
      `the console ${how}: ${wanted.join('/')} and nothing more`,
      odd.length === 0,
      odd.slice(0, 3).join(' | ') || undefined,
    );
  }
  const open = await ask(`${bot.url}/api/signin`, origin, { token: 'guessed' });
  act.check(
    'a guessed sign-in link opens nothing',
    open.status === 401 && open.headers['set-cookie'] === undefined,
  );
  const missing = await ask(`${bot.url}/api/no-such`, {});
  act.check('what does not exist looks the same from outside', missing.status === 401);
  const after = await scene.records.state(bot);
  act.check(
    'nothing was changed',
    after === before,
    after === before ? `${asked} requests` : `${before} -> ${after}`,
  );
  const fine: string[] = [];
  for (const path of gets.filter((one) => one !== 'stream')) {
    for (const headers of [ada, cookie, { ...cookie, ...origin }]) {
      const answer = await ask(`${bot.url}/api/${path}`, headers);
      if (answer.status !== 200) fine.push(`${path} ${answer.status}`);
    }
  }
  act.check(
    'ada, by token and by cookie, is shown all of it',
    fine.length === 0,
    fine.join(' ') || undefined,
  );
  const mark = await ask(
    `${bot.url}/api/marks`,
    { ...cookie, ...origin, 'x-csrf-token': session.csrf },
    { text: 'by cookie' },
  );
  act.check(
    'and changes what she may with cookie, Origin and CSRF token',
    mark.status === 200,
    `${mark.status}`,
  );
  act.figure('console requests refused', asked);
}

/** An error, a reason, a mend; nothing of the launch. */
function bare({ text, headers }: Answered): boolean {
  if (headers['access-control-allow-origin'] !== undefined || text.length > 600) return false;
  const keys = Object.keys(JSON.parse(text) as object);
  return keys.every((key) => ['error', 'reason', 'mend'].includes(key));
}

async function signIn(bot: Bot, name: string): Promise<{ readonly cookie: string; readonly csrf: string }> {
  const made = await warroom(['link', name, '--config', bot.config]);
  const token = /#(\S+)/.exec(made.said)?.[1] ?? '';
  const answer = await ask(`${bot.url}/api/signin`, { origin: bot.url }, { token });
  const { csrf = '' } = JSON.parse(answer.text) as { csrf?: string };
  return { cookie: (answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '', csrf };
}

/** By node:http, which sends the Host and Origin that it is told. A stream is not waited for. */
function ask(url: string, headers: Headers, body?: object): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = text === undefined ? {} : { 'content-type': 'application/json' };
    const request = http.request(
      url,
      { method: body ? 'POST' : 'GET', headers: { ...type, ...headers }, timeout: 20_000 },
      (answer) => {
        const parts: Buffer[] = [];
        const done = () => {
          resolve({
            status: answer.statusCode ?? 0,
            text: Buffer.concat(parts).toString('utf8'),
            headers: answer.headers,
          });
          request.destroy();
        };
        answer.on('data', (part: Buffer) => {
          parts.push(part);
          if (/event-stream/.test(answer.headers['content-type'] ?? '')) done();
        });
        answer.on('end', done);
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer`)));
    request.on('error', reject);
    request.end(text);
  });
}
