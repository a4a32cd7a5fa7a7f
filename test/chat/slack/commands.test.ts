import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../src/message/contract.ts';
import { LAUNCH, OTHER } from './stand-in/index.ts';
import { postOf, until, warroomOnSlack, words } from './support.ts';

type Face = Awaited<ReturnType<typeof warroomOnSlack>>;
let face: Face;
beforeEach(async () => {
  face = await warroomOnSlack();
});
afterEach(() => face.stop());

const shownTo = (user: string, part: string) =>
  until(`"${part}" to ${user}`, () =>
    face.slack.world.ephemerals.find((one) => one.user === user && one.text.includes(part)),
  );

const CARD: Message = {
  blocks: [
    { kind: 'heading', tone: 'critical', text: [{ kind: 'plain', text: '#12' }] },
    {
      kind: 'actions',
      actions: [
        { kind: 'approve', id: '12-A', label: 'Approve', style: 'primary', planHash: 'b'.repeat(64) },
        { kind: 'silence', id: '12', label: 'Silence', style: 'plain' },
      ],
    },
  ],
};

describe('/launch', () => {
  it('answers the asker alone', async () => {
    const delivery = face.slack.command('U0ADA', 'status');
    const { afterMs, payload } = await delivery.acknowledged;
    expect(afterMs).toBeLessThan(2_500);
    expect(payload).toEqual({});
    expect(await shownTo('U0ADA', 'answer to launch status')).toMatchObject({
      channel: LAUNCH,
      by: 'chat.postEphemeral',
    });
    expect(face.slack.world.launch.messages).toEqual([]);
  });

  it('says after 2.5 s that it is still looking, then answers', async () => {
    let answer: (message: Message) => void = () => undefined;
    face.desk.answer = () => new Promise((resolve) => (answer = resolve));
    face.slack.command('U0ADA', 'varnish');
    await shownTo('U0ADA', 'Still looking');
    answer(words('42 % hits'));
    await shownTo('U0ADA', '42 % hits');
  });

  it('answers where the bot is no member, through the address that came with the question', async () => {
    await face.slack.command('U0ADA', 'status', { channel: OTHER }).acknowledged;
    expect(await shownTo('U0ADA', 'answer to launch status')).toMatchObject({
      channel: OTHER,
      by: 'response_url',
    });
  });

  it('gives a long answer cut, and the whole as a file to the asker', async () => {
    face.desk.answer = async () => ({
      blocks: [
        {
          kind: 'code',
          language: 'text',
          text: Array.from({ length: 900 }, (_, i) => `line ${i}`).join('\n'),
        },
      ],
    });
    face.slack.command('U0ADA', 'timeline 12');
    const file = await until('the file', () =>
      [...face.slack.world.files.values()].find(({ shares }) => shares.length > 0),
    );
    expect(file.content).toContain('line 899');
    expect(face.slack.world.channels.get(file.shares[0]?.channel ?? '')?.direct).toBe('U0ADA');
    expect(JSON.stringify(face.slack.world.ephemerals[0]?.blocks)).toContain('the file has it all');
  });

  it('says when the file could not be sent', async () => {
    face.slack.world.scopes.delete('files:write');
    face.desk.answer = async () => ({
      blocks: [{ kind: 'code', language: 'text', text: 'line\n'.repeat(900) }],
    });
    face.slack.command('U0ADA', 'timeline 12');
    await shownTo('U0ADA', 'could not be sent');
  });

  it('answers also after a rate limit and a reset', async () => {
    face.slack.rules.add({ method: 'chat.postEphemeral', misdeed: { kind: 'rate-limit', retryAfter: 1 } });
    face.slack.rules.add({ method: 'chat.postEphemeral', misdeed: { kind: 'lost' } });
    face.slack.command('U0ADA', 'status');
    await shownTo('U0ADA', 'answer to launch status');
  });

  it('a mistake of our own is said, not swallowed', async () => {
    face.desk.answer = async () => {
      throw new Error('a bug');
    };
    face.slack.command('U0ADA', 'status');
    await shownTo('U0ADA', 'made a mistake of its own');
  });

  it('is done once, however often it is delivered', async () => {
    const delivery = face.slack.command('U0ADA', 'mark deploy');
    await delivery.acknowledged;
    for (const ids of ['same', 'new', 'new'] as const)
      await face.slack.people.repeat(delivery, ids).acknowledged;
    await face.slack.command('U0ADA', 'status').acknowledged;
    await until('the next', () => face.desk.asked.some(({ what }) => what === 'launch status'));
    expect(face.desk.asked.filter(({ what }) => what.includes('mark'))).toHaveLength(1);
  });

  it('is done once when a repeated delivery overtakes the first', async () => {
    face.slack.people.hold();
    const delivery = face.slack.command('U0ADA', 'status');
    const repeated = face.slack.people.repeat(delivery, 'new');
    face.slack.people.release('reversed');
    await repeated.acknowledged;
    await shownTo('U0ADA', 'answer to launch status');
    expect(face.desk.asked).toHaveLength(1);
  });

  it('for another app is acknowledged, reported, and not done', async () => {
    await face.slack.command('U0ADA', 'status', { app: 'A0OTHER' }).acknowledged;
    await until('the finding', () => face.health.get('app')?.state === 'degraded');
    expect(face.desk.asked).toEqual([]);
  });
});

describe('under load', () => {
  it('300 at once are acknowledged at once; what is beyond the bound is told so', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    face.desk.answer = async (what) => {
      await held;
      return words(what);
    };
    const deliveries = Array.from({ length: 300 }, (_, i) => face.slack.command('U0ADA', `status ${i}`));
    const acknowledged = await Promise.all(deliveries.map((delivery) => delivery.acknowledged));
    const busy = acknowledged.filter(({ payload }) => JSON.stringify(payload).includes('hands full'));
    expect(busy.length).toBeGreaterThan(50);
    expect(busy.length).toBeLessThan(120);
    release();
    await until('the answers', () => face.desk.asked.length === 300 - busy.length);
  });
});

describe('buttons', () => {
  it('are pressed at the desk, with the plan that was shown', async () => {
    const head = await face.port.send(postOf(CARD), 1, undefined);
    const reply = await face.port.send(postOf(CARD, { id: 'r1', role: 'reply' }), 2, head);
    const { afterMs } = await face.slack.press('U0BEN', reply, 'Approve').acknowledged;
    expect(afterMs).toBeLessThan(2_500);
    expect(await shownTo('U0BEN', 'answer to press approve 12-A')).toMatchObject({ thread_ts: head });
    await face.slack.press('U0BEN', head, 'Approve').acknowledged;
    await until('the second', () => face.slack.world.ephemerals.length === 2);
    expect(face.slack.world.ephemerals[1]?.thread_ts).toBeUndefined();
  });

  it('that we do not know are out of date', async () => {
    const head = await face.port.send(postOf(CARD), 1, undefined);
    await face.slack.press('U0BEN', head, 'delete-everything:12').acknowledged;
    await shownTo('U0BEN', 'This card is out of date');
    expect(face.desk.asked).toEqual([]);
  });

  it('are taken once when Slack delivers them twice, and twice when they are pressed twice', async () => {
    const head = await face.port.send(postOf(CARD), 1, undefined);
    const press = face.slack.press('U0BEN', head, 'Approve');
    await press.acknowledged;
    await face.slack.people.repeat(press, 'new').acknowledged;
    await face.slack.press('U0BEN', head, 'Approve').acknowledged;
    await until('two', () => face.desk.asked.length === 2);
    await face.slack.command('U0BEN', 'status').acknowledged;
    await until('the command', () => face.desk.asked.length === 3);
  });
});

describe('forms', () => {
  it('open on a bare /launch, and their answers are given where they were opened', async () => {
    await face.slack.command('U0ADA', '').acknowledged;
    const opened = await until('the form', () => face.slack.world.views[0]);
    expect(opened.view).toMatchObject({ title: { text: 'What do you want to see…' } });
    await face.slack.submit(opened.id, { command: 'why', words: ' 12 ' }).acknowledged;
    expect(await shownTo('U0ADA', 'submit launch')).toMatchObject({ channel: LAUNCH });
    expect(face.desk.asked.at(-1)?.what).toBe('submit launch {"command":"why","words":" 12 "}');
  });

  it('open on a button that asks, and answer in its thread', async () => {
    const head = await face.port.send(postOf(CARD), 1, undefined);
    const reply = await face.port.send(postOf(CARD, { id: 'r1', role: 'reply' }), 2, head);
    await face.slack.press('U0BEN', reply, 'Silence').acknowledged;
    const opened = await until('the form', () => face.slack.world.views[0]);
    expect(face.desk.asked[0]?.what).toBe('form silence 12');
    await face.slack.submit(opened.id, { command: 'status' }).acknowledged;
    expect(await shownTo('U0BEN', 'submit launch')).toMatchObject({ thread_ts: head });
  });

  it('show what is wrong by field, and are sent once', async () => {
    await face.slack.command('U0ADA', '').acknowledged;
    const opened = await until('the form', () => face.slack.world.views[0]);
    face.desk.problems = { words: 'not an id', elsewhere: 'of no field' };
    const refused = await face.slack.submit(opened.id, { command: 'why' }).acknowledged;
    expect(refused.payload).toEqual({
      response_action: 'errors',
      errors: { words: 'not an id', command: 'of no field' },
    });
    face.desk.problems = {};
    const sent = face.slack.submit(opened.id, { command: 'why' });
    await sent.acknowledged;
    await face.slack.people.repeat(sent, 'new').acknowledged;
    await shownTo('U0ADA', 'submit launch');
    expect(face.desk.asked.filter(({ what }) => what.startsWith('submit'))).toHaveLength(1);
  });

  it('that may not be opened answer with the reason', async () => {
    face.desk.shows = words('You may not silence #12');
    const head = await face.port.send(postOf(CARD), 1, undefined);
    await face.slack.press('U0BEN', head, 'Silence').acknowledged;
    await shownTo('U0BEN', 'You may not silence #12');
  });

  it('whose trigger has run out say so', async () => {
    const head = await face.port.send(postOf(CARD), 1, undefined);
    face.slack.rules.add({ method: 'users.info', misdeed: { kind: 'delay', ms: 300 } });
    const press = face.slack.press('U0BEN', head, 'Silence');
    face.slack.people.expireTriggers();
    await press.acknowledged;
    await shownTo('U0BEN', 'Press again');
  });

  it('open in time although Slack does not say who presses', async () => {
    face.slack.rules.add({ method: 'users.info', misdeed: { kind: 'silent' } });
    await face.slack.command('U0ADA', '').acknowledged;
    await until('the form', () => face.slack.world.views[0], 3_000);
    expect(face.desk.asked[0]?.identity.kind).toBe('unverified');
  });
});

describe('stopping', () => {
  it('waits for what is in hand', async () => {
    let answer: (message: Message) => void = () => undefined;
    face.desk.answer = () => new Promise((resolve) => (answer = resolve));
    await face.slack.command('U0ADA', 'status').acknowledged;
    await until('the question', () => face.desk.asked.length === 1);
    const stopped = face.platform.stop();
    const refused = await face.slack.command('U0ADA', 'why').acknowledged;
    expect(JSON.stringify(refused.payload)).toContain('being stopped');
    answer(words('in time'));
    await stopped;
    await shownTo('U0ADA', 'in time');
    expect(face.desk.asked).toHaveLength(1);
  });
});
