import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { httpBody, signed } from './stand-in/people.ts';
import { SIGNING, until, warroomOnSlack } from './support.ts';

type Face = Awaited<ReturnType<typeof warroomOnSlack>>;
let face: Face;
beforeEach(async () => {
  face = await warroomOnSlack({ mode: 'http' });
});
afterEach(() => face.stop());

const now = () => Math.floor(Date.now() / 1000);

async function send(
  body: string,
  headers: Readonly<Record<string, string>>,
  { path = '/slack/events', method = 'POST' } = {},
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${face.platform.listensOn()}${path}`, {
    method,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

const COMMAND = {
  ...{ command: '/launch', text: 'status', user_id: 'U0ADA', user_name: 'ada', team_id: 'T0TEAM' },
  ...{ channel_id: 'C0LAUNCH', trigger_id: 't1', api_app_id: 'A0WARROOM' },
};
const PRESS = {
  type: 'block_actions',
  ...{
    user: { id: 'U0ADA', name: 'ada', team_id: 'T0TEAM' },
    team: { id: 'T0TEAM' },
    api_app_id: 'A0WARROOM',
  },
  ...{ channel: { id: 'C0LAUNCH' }, message: { ts: '1.2' }, trigger_id: 't2' },
  actions: [
    { type: 'button', action_id: 'approve:12-A', value: 'approve:12-A', block_id: 'b', action_ts: '1.1' },
  ],
};
const EVENT = {
  type: 'event_callback',
  team_id: 'T0TEAM',
  api_app_id: 'A0WARROOM',
  event: { type: 'app_mention', user: 'U0ADA', channel: 'C0LAUNCH', ts: '1.2' },
};
const FORM = {
  ...{
    type: 'view_submission',
    user: { id: 'U0ADA', team_id: 'T0TEAM' },
    team: { id: 'T0TEAM' },
    api_app_id: 'A0WARROOM',
  },
  view: {
    ...{ id: 'V1', callback_id: 'warroom-form', blocks: [], state: { values: {} } },
    private_metadata: '{"form":"launch","channel":"C0LAUNCH"}',
  },
};

const kinds = [
  ['a command', httpBody('slash_commands', COMMAND)],
  ['a press', httpBody('interactive', PRESS)],
  ['a form', httpBody('interactive', FORM)],
  ['an event', httpBody('events_api', EVENT)],
  ['a verification', httpBody('events_api', { type: 'url_verification', challenge: 'c1' })],
] as const;

describe.each(kinds)('%s', (_, { body, contentType }) => {
  const type = { 'content-type': contentType };
  it('is taken when it is signed', async () => {
    expect((await send(body, { ...type, ...signed(SIGNING, body) })).status).toBe(200);
  });

  const bad: readonly [string, () => Record<string, string>, string?][] = [
    ['unsigned', () => ({})],
    ['signed with another secret', () => signed('another', body)],
    ['stale by six minutes', () => signed(SIGNING, body, now() - 360)],
    ['six minutes in the future', () => signed(SIGNING, body, now() + 360)],
    ['tampered with', () => signed(SIGNING, body), `${body} `],
    [
      'moved to another time',
      () => ({ ...signed(SIGNING, body), 'x-slack-request-timestamp': String(now() - 10) }),
    ],
    ['without a time', () => ({ 'x-slack-signature': signed(SIGNING, body)['x-slack-signature'] as string })],
    ['signed with a short digest', () => ({ ...signed(SIGNING, body), 'x-slack-signature': 'v0=00' })],
    [
      'with a time that is no number',
      () => ({ ...signed(SIGNING, body), 'x-slack-request-timestamp': '1e9' }),
    ],
  ];
  it.each(bad)('%s gets 401 and nothing more', async (_name, headers, sent) => {
    const answer = await send(sent ?? body, { ...type, ...headers() });
    expect(answer).toEqual({ status: 401, text: '' });
    expect(face.desk.asked).toEqual([]);
  });
});

describe('the door', () => {
  it('answers commands, presses and forms like a socket does, in the three seconds of Slack', async () => {
    const command = face.slack.command('U0ADA', 'status');
    expect((await command.acknowledged).afterMs).toBeLessThan(2_500);
    await until('the answer', () =>
      face.slack.world.ephemerals.some(({ text }) => text === 'answer to launch status'),
    );
    face.slack.command('U0ADA', '');
    const view = await until('the form', () => face.slack.world.views[0]);
    face.desk.problems = { words: 'too short' };
    const refused = await face.slack.submit(view.id, { command: 'why' }).acknowledged;
    expect(refused.payload).toEqual({ response_action: 'errors', errors: { words: 'too short' } });
    face.desk.problems = {};
    await face.slack.submit(view.id, { command: 'why' }).acknowledged;
    await until('the answer', () =>
      face.slack.world.ephemerals.some(({ text }) => text.includes('submit launch')),
    );
  });

  it('does once what Slack sends three times', async () => {
    const command = face.slack.command('U0ADA', 'mark deploy');
    await command.acknowledged;
    expect((await face.slack.people.repeat(command).acknowledged).status).toBe(200);
    expect((await face.slack.people.repeat(command, 'same').acknowledged).status).toBe(200);
    face.slack.command('U0ADA', 'status');
    await until('the next', () => face.desk.asked.some(({ what }) => what === 'launch status'));
    expect(face.desk.asked.filter(({ what }) => what === 'launch mark deploy')).toHaveLength(1);
  });

  it('does nothing for another app, though it is signed', async () => {
    // Which app is ours is asked at the start; until then it goes by the signature alone.
    await until('the app id', () => face.slack.callsOf('conversations.info').length > 0);
    await face.slack.command('U0ADA', 'mark theirs', { app: 'A0OTHER' }).acknowledged;
    face.slack.command('U0ADA', 'status');
    await until('the next', () => face.desk.asked.some(({ what }) => what === 'launch status'));
    expect(face.desk.asked.map(({ what }) => what)).toEqual(['launch status']);
  });

  it('gives the challenge back', async () => {
    const { body, contentType } = httpBody('events_api', { type: 'url_verification', challenge: 'c1' });
    const answer = await send(body, { 'content-type': contentType, ...signed(SIGNING, body) });
    expect(JSON.parse(answer.text)).toEqual({ challenge: 'c1' });
  });

  it('knows no other path and no other method', async () => {
    expect((await send('', {}, { path: '/' })).status).toBe(404);
    expect((await send('', {}, { path: '/slack/install', method: 'GET' })).status).toBe(404);
    expect((await send('', {}, { method: 'GET' })).status).toBe(405);
    expect((await send('', {}, { method: 'PUT' })).status).toBe(405);
  });

  it('reads no more than a megabyte, and nothing that is not a form or JSON', async () => {
    expect((await send('x'.repeat(1024 * 1024 + 1), {})).status).toBe(413);
    const broken = 'payload=%7B';
    expect((await send(broken, signed(SIGNING, broken))).status).toBe(400);
  });

  it('takes a content type with a character set', async () => {
    const { body } = httpBody('slash_commands', COMMAND);
    const type = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    expect((await send(body, { ...type, ...signed(SIGNING, body) })).status).toBe(200);
    await until('the command', () => face.desk.asked.some(({ what }) => what === 'launch status'));
  });
});
