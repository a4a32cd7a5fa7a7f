import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { httpBody, signed } from '../../../test/chat/slack/stand-in/people.ts';
import { type Rehearsal, rehearsal } from '../../chat/rehearsal.ts';
import { type Act, eventually } from '../../proof.ts';
import type { Discord, Slack, Stages } from './systems.ts';

const SECRET = 'prove-signing-secret';
const SECRET_ENV = 'PROVE_SLACK_SIGNING_SECRET';
const SIX_MIN_S = 360;

interface Request {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly method?: string;
}

/** Slack in HTTP mode and Discord's gateway: what did not come from the platform, or came twice, is not done. */
export async function forgedRequests(act: Act, { slack, discord }: Stages): Promise<void> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/slack/events`;
  const settings = {
    ...slack.settings,
    mode: 'http',
    signingSecret: { env: SECRET_ENV },
    listen: `127.0.0.1:${port}`,
  };
  const overHttp = { ...slack, settings, env: { ...slack.env, [SECRET_ENV]: SECRET } };
  const bot = rehearsal(act, [overHttp, discord], ['cache1']);
  await bot.start();
  slack.standIn.people.http = { url, signingSecret: SECRET };
  const asked = () => slack.standIn.callsOf('bots.info').length > 0;
  await eventually('Slack and Discord', () => (discord.connected() && asked()) || undefined, 30_000);
  await overHttpDoor(act, bot, slack, url);
  await overGateway(act, bot, discord);
  slack.standIn.people.http = undefined;
  await bot.kill();
}

async function overHttpDoor(act: Act, bot: Rehearsal, { standIn }: Slack, url: string): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  const command = (text: string, more: Record<string, string> = {}) =>
    httpBody('slash_commands', {
      ...{ command: '/launch', text, user_id: 'U0ADA', user_name: 'ada', team_id: 'T0TEAM' },
      ...{ channel_id: 'C0LAUNCH', api_app_id: 'A0WARROOM', trigger_id: `t-${text}`, ...more },
    }).body;
  const body = command('mark forged');
  const proper = signed(SECRET, body);
  const huge = `${body}&x=${'y'.repeat(2 * 1024 * 1024)}`;
  const cases: readonly (readonly [string, number, Request])[] = [
    ['unsigned', 401, { body, headers: type }],
    ['signed with another secret', 401, { body, headers: { ...type, ...signed('another', body) } }],
    ['six minutes old', 401, { body, headers: { ...type, ...signed(SECRET, body, now - SIX_MIN_S) } }],
    ['six minutes ahead', 401, { body, headers: { ...type, ...signed(SECRET, body, now + SIX_MIN_S) } }],
    ['with a tampered body', 401, { body: command('mark forged-more'), headers: { ...type, ...proper } }],
    [
      'with a tampered time',
      401,
      { body, headers: { ...type, ...proper, 'x-slack-request-timestamp': `${now - 9}` } },
    ],
    ['with half a signature', 401, { body, headers: { ...type, ...proper, 'x-slack-signature': 'v0=00' } }],
    [
      'of another version',
      401,
      {
        body,
        headers: {
          ...type,
          ...proper,
          'x-slack-signature': String(proper['x-slack-signature']).replace('v0', 'v1'),
        },
      },
    ],
    [
      'of an app that has another secret',
      401,
      {
        body: command('mark forged', { api_app_id: 'A0OTHER' }),
        headers: { ...type, ...signed('their secret', body) },
      },
    ],
    ['to another path', 404, { body, headers: { ...type, ...proper }, path: '/' }],
    ['to a path beside it', 404, { body, headers: { ...type, ...proper }, path: '/slack/events/x' }],
    ['by GET', 405, { body: '', headers: proper, method: 'GET' }],
    ['by PUT', 405, { body, headers: { ...type, ...proper }, method: 'PUT' }],
    ['of 2 MB', 413, { body: huge, headers: { ...type, ...signed(SECRET, huge) } }],
    [
      'of 2 MB without a length',
      413,
      { body: huge, headers: { ...type, ...signed(SECRET, huge), 'transfer-encoding': 'chunked' } },
    ],
    ['that is no form', 400, { body: 'payload=%7B', headers: { ...type, ...signed(SECRET, 'payload=%7B') } }],
  ];
  for (const [what, wanted, request] of cases) {
    const answer = await send(url, request);
    act.check(
      `a request ${what} gets ${wanted} and nothing more`,
      answer.status === wanted && answer.text === '',
      `${answer.status}`,
    );
  }
  act.check('none of them was done', marks(bot) === 0, `${marks(bot)} marks`);

  const other = await standIn.command('U0ADA', 'mark other-app', { app: 'A0OTHER' }).acknowledged;
  const stranger = command('mark other-team', { team_id: 'T0ELSE' });
  const theirs = await send(url, { body: stranger, headers: { ...type, ...signed(SECRET, stranger) } });
  await eventually(
    'the other team to be refused',
    () => refusals(bot, 'mark refused') === 1 || undefined,
    10_000,
    50,
  );
  act.check('signed, for another app: acknowledged, not done', other.status === 200 && marks(bot) === 0);
  act.check(
    'signed, from another team: refused as a stranger, and written down',
    theirs.status === 200 && marks(bot) === 0,
  );

  const taken = await Promise.all(
    Array.from({ length: 5 }, () =>
      send(url, {
        body: command('mark once'),
        headers: { ...type, ...signed(SECRET, command('mark once'), now) },
      }),
    ),
  );
  await eventually('the one that is right', () => marks(bot) === 1 || undefined, 10_000, 50);
  const replayed = await send(url, {
    body: command('mark once'),
    headers: { ...type, ...signed(SECRET, command('mark once'), now) },
  });
  await standIn.command('U0ADA', 'mark fence').acknowledged;
  await eventually('the next', () => marks(bot) >= 2 || undefined, 10_000, 50);
  act.check(
    'the same request six times is answered six times and done once',
    [...taken, replayed].every(({ status }) => status === 200) && marks(bot) === 2,
    `${marks(bot)} marks`,
  );
}

async function overGateway(act: Act, bot: Rehearsal, { standIn, ids }: Discord): Promise<void> {
  const before = marks(bot);
  const mark = (text: string, doing: Parameters<typeof standIn.command>[3]) =>
    standIn.command(ids.ada, 'mark', { text }, { timeoutMs: 1_500, ...doing });
  const old = await mark('old', { ageMs: 4_000 });
  act.check('Discord: a command 4 s old is not done', old.type === undefined && old.text === '');
  for (const [what, guild] of [
    ['another server', '7700000000000009999'],
    ['a direct message', null],
  ] as const) {
    const told = await mark('elsewhere', { guild, timeoutMs: 10_000 });
    act.check(`Discord: a command from ${what} is told so`, /its own server only/.test(told.text), told.text);
  }
  const thrice = await mark('thrice', { times: 3, timeoutMs: 10_000 });
  await mark('fence', { timeoutMs: 10_000 });
  await eventually('the marks', () => marks(bot) >= before + 2 || undefined, 10_000, 50);
  act.check(
    'Discord: a delivery that comes three times is done once, and one that is right is done',
    marks(bot) === before + 2 && thrice.refused.length === 0,
    `${marks(bot) - before} marks`,
  );
}

function marks(bot: Rehearsal): number {
  return bot.read<{ n: number }>('select count(*) as n from marks')[0]?.n ?? 0;
}

function refusals(bot: Rehearsal, what: string): number {
  return bot.read<{ n: number }>('select count(*) as n from audit where what = ?', what)[0]?.n ?? 0;
}

/** The status as soon as it is there: who sends too much is cut off while still sending. */
function send(
  url: string,
  { body, headers, path, method = 'POST' }: Request,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    let status: number | undefined;
    const length =
      headers['transfer-encoding'] === undefined ? { 'content-length': Buffer.byteLength(body) } : {};
    const request = http.request(
      path === undefined ? url : new URL(path, url),
      { method, headers: { ...headers, ...length }, agent: false, timeout: 10_000 },
      (answer) => {
        status = answer.statusCode ?? 0;
        let text = '';
        answer.on('data', (part: Buffer) => {
          text += part.toString('utf8');
        });
        answer.on('end', () => {
          resolve({ status: status ?? 0, text });
          request.destroy();
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', (thrown) => (status === undefined ? reject(thrown) : undefined));
    request.end(body);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
