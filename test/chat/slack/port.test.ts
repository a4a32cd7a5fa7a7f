import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryProblem } from '../../../src/bot/platform.ts';
import type { Message } from '../../../src/message/contract.ts';
import type { Misdeed } from './stand-in/index.ts';
import { buttonsOf } from './stand-in/people.ts';
import { postOf, until, warroomOnSlack, words } from './support.ts';

type Face = Awaited<ReturnType<typeof warroomOnSlack>>;
let face: Face;

beforeEach(async () => {
  face = await warroomOnSlack({
    start: false,
    people: { ada: { slack: 'U0ADA', may: ['see'] }, zoe: { may: ['see'] } },
  });
});
afterEach(() => face.stop());

async function problemOf(work: Promise<unknown>): Promise<DeliveryProblem> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof DeliveryProblem) return thrown;
    throw thrown;
  }
  throw new Error('it went well');
}

const CARD: Message = {
  blocks: [
    { kind: 'heading', tone: 'critical', text: [{ kind: 'plain', text: '#12 Application overloaded' }] },
    { kind: 'text', text: [{ kind: 'plain', text: 'Visitors: p95 2.9 s' }] },
    { kind: 'actions', actions: [{ kind: 'acknowledge', id: '12', label: 'Acknowledge', style: 'primary' }] },
  ],
};

describe('posts and edits', () => {
  it('posts a card with its buttons and its key, and edits it in place', async () => {
    const ts = await face.port.send(postOf(CARD), 7, undefined);
    const message = face.slack.world.message(ts);
    expect(message.metadata).toEqual({
      event_type: 'warroom_post',
      event_payload: { outbox: 7, post: 'i12', version: 1 },
    });
    expect(message.text).toContain('▲ CRITICAL #12 Application overloaded');
    expect(buttonsOf(message)).toMatchObject([
      { action_id: 'acknowledge:12', value: 'acknowledge:12', style: 'primary' },
    ]);
    await face.port.edit(ts, postOf(words('resolved'), { version: 2 }), 8, undefined);
    expect(face.slack.world.launch.messages).toHaveLength(1);
    expect(message.text).toBe('resolved');
    expect(message.metadata?.event_payload).toMatchObject({ outbox: 8, version: 2 });
    expect(message.edits).toHaveLength(1);
  });

  it('posts a reply into its thread', async () => {
    const head = await face.port.send(postOf(CARD), 1, undefined);
    const reply = await face.port.send(postOf(words('12-A'), { id: 'r1', role: 'reply' }), 2, head);
    expect(face.slack.world.message(reply).thread_ts).toBe(head);
  });

  it('mentions whom the config names, and says who cannot be', async () => {
    const ts = await face.port.send(postOf({ ...CARD, mentions: ['ada', '@oncall'] }), 1, undefined);
    expect(face.slack.world.message(ts).text).toMatch(/^<@U0ADA> <!subteam\^S0ONCALL> ▲/);
    expect(face.health.get('mentions')?.state).toBe('ok');
    const other = await face.port.send(
      postOf({ ...CARD, mentions: ['zoe', '@nobody'] }, { id: 'i13' }),
      2,
      undefined,
    );
    expect(face.slack.world.message(other).text).not.toMatch(/<[@!]/);
    expect(face.health.get('mentions')).toMatchObject({
      state: 'degraded',
      what: 'zoe, @nobody cannot be mentioned in Slack',
    });
    expect(face.health.get('mentions')?.mend).toContain('people: { zoe: { slack: U0123456 } }');
    expect(face.slack.callsOf('usergroups.list')).toHaveLength(1);
  });

  it('pins once, takes "already pinned" for done, and goes on without the right', async () => {
    const ts = await face.port.send(postOf(CARD), 1, undefined);
    await face.port.pin?.(ts);
    await face.port.pin?.(ts);
    expect(face.slack.world.launch.pins).toEqual([ts]);
    expect(face.health.get('pins')?.state).toBe('ok');
    face.slack.world.scopes.delete('pins:write');
    await face.port.pin?.(ts);
    expect(face.health.get('pins')).toMatchObject({ state: 'degraded' });
    expect(face.health.get('pins')?.mend).toContain('pins:write');
  });
});

describe('what a failure means', () => {
  const failures: readonly [Misdeed, string, Partial<DeliveryProblem>][] = [
    [{ kind: 'rate-limit', retryAfter: 3 }, 'retry', { wide: true, afterMs: 3_000 }],
    [{ kind: 'rate-limit' }, 'retry', { wide: true, afterMs: 5_000 }],
    [{ kind: 'error', error: 'ratelimited' }, 'retry', { wide: true }],
    [{ kind: 'status', status: 503 }, 'ambiguous', { wide: true }],
    [{ kind: 'lost' }, 'ambiguous', {}],
    [{ kind: 'processed-then-reset' }, 'ambiguous', {}],
    [{ kind: 'error', error: 'internal_error' }, 'ambiguous', {}],
    [{ kind: 'error', error: 'thread_not_found' }, 'gone', {}],
    [{ kind: 'error', error: 'invalid_auth' }, 'blocked', { wide: true }],
    [{ kind: 'error', error: 'token_revoked' }, 'blocked', { wide: true }],
    [{ kind: 'error', error: 'account_inactive' }, 'blocked', { wide: true }],
    [{ kind: 'error', error: 'missing_scope', more: { needed: 'chat:write' } }, 'blocked', { wide: true }],
    [{ kind: 'error', error: 'something_new' }, 'retry', {}],
  ];
  it.each(failures)('%j of a post is %s', async (misdeed, kind, more) => {
    face.slack.rules.add({ method: 'chat.postMessage', misdeed });
    const problem = await problemOf(face.port.send(postOf(CARD), 1, undefined));
    expect(problem).toMatchObject({ kind, ...more });
    if (kind === 'blocked') expect(problem.mend).toMatch(/\S{3}/);
  });

  it('an edit may simply be repeated', async () => {
    const ts = await face.port.send(postOf(CARD), 1, undefined);
    for (const misdeed of [
      { kind: 'lost' },
      { kind: 'status', status: 502 },
      { kind: 'processed-then-reset' },
    ] as const) {
      face.slack.rules.add({ method: 'chat.update', misdeed });
      expect(await problemOf(face.port.edit(ts, postOf(CARD), 2, undefined))).toMatchObject({
        kind: 'retry',
      });
    }
  });

  it('a deleted message is gone', async () => {
    const ts = await face.port.send(postOf(CARD), 1, undefined);
    face.slack.world.launch.messages.length = 0;
    expect(await problemOf(face.port.edit(ts, postOf(CARD), 2, undefined))).toMatchObject({ kind: 'gone' });
  });

  it('says what to do when it may not post', async () => {
    const { launch } = face.slack.world;
    launch.members.delete('U0WARROOM');
    const outside = await problemOf(face.port.send(postOf(CARD), 1, undefined));
    expect(outside).toMatchObject({
      kind: 'blocked',
      mend: 'In Slack, in the launch channel: /invite @warroom',
    });
    expect(face.health.get('channel')).toMatchObject({ state: 'down', mend: outside.mend });
    launch.members.add('U0WARROOM');
    launch.archived = true;
    expect((await problemOf(face.port.send(postOf(CARD), 1, undefined))).mend).toContain('unarchive');
    launch.archived = false;
    await face.port.send(postOf(CARD), 1, undefined);
    expect(face.health.get('channel')?.state).toBe('ok');
  });

  it('nothing listens: surely not sent, and the whole platform waits', async () => {
    await face.slack.stop();
    expect(await problemOf(face.port.send(postOf(CARD), 1, undefined))).toMatchObject({
      kind: 'retry',
      wide: true,
    });
    await face.slack.start();
  });

  it('tries content that Slack refuses once more as plain text, then gives it up', async () => {
    const refused = { kind: 'error', error: 'invalid_blocks' } as const;
    face.slack.rules.add({ method: 'chat.postMessage', misdeed: refused });
    const ts = await face.port.send(postOf(CARD), 1, undefined);
    expect(face.slack.world.message(ts)).toMatchObject({ blocks: [] });
    expect(face.slack.world.message(ts).text).toContain('Application overloaded');
    face.slack.rules.add({ method: 'chat.postMessage', misdeed: refused, times: 2 });
    expect(await problemOf(face.port.send(postOf(CARD), 2, undefined))).toMatchObject({ kind: 'never' });
    expect(await problemOf(face.port.send(postOf(CARD, { json: '{' }), 3, undefined))).toMatchObject({
      kind: 'never',
    });
  });

  it('never repeats a call by itself', async () => {
    face.slack.rules.add({ method: 'chat.postMessage', misdeed: { kind: 'status', status: 503 }, times: 9 });
    await problemOf(face.port.send(postOf(CARD), 1, undefined));
    expect(face.slack.callsOf('chat.postMessage')).toHaveLength(1);
  });
});

describe('after an unknown outcome', () => {
  it('finds what was posted, in the channel and in a thread', async () => {
    const reset = { method: 'chat.postMessage', misdeed: { kind: 'processed-then-reset' } } as const;
    face.slack.rules.add(reset);
    await problemOf(face.port.send(postOf(CARD), 5, undefined));
    const head = await face.port.find(postOf(CARD), 5, undefined);
    expect(head).toBe(face.slack.world.launch.messages[0]?.ts);
    for (let i = 0; i < 230; i += 1)
      await face.port.send(postOf(words(`line ${i}`), { id: `r${i}`, role: 'reply' }), 100 + i, head);
    face.slack.rules.add(reset);
    const reply = postOf(words('the one'), { id: 'wanted', role: 'reply' });
    await problemOf(face.port.send(reply, 999, head));
    const found = await face.port.find(reply, 999, head);
    expect(face.slack.world.message(found ?? '').text).toBe('the one');
  });

  it('finds nothing when nothing was posted, and looks no further than it may', async () => {
    face.slack.rules.add({ method: 'chat.postMessage', misdeed: { kind: 'lost' } });
    await problemOf(face.port.send(postOf(CARD), 5, undefined));
    expect(await face.port.find(postOf(CARD), 5, undefined)).toBeUndefined();
    for (let i = 0; i < 400; i += 1)
      await face.port.send(postOf(words(`note ${i}`), { id: `n${i}` }), i + 10, undefined);
    const before = face.slack.callsOf('conversations.history').length;
    expect(await face.port.find(postOf(CARD), 5, undefined)).toBeUndefined();
    expect(face.slack.callsOf('conversations.history').length - before).toBe(3);
  });

  it('cannot look: says so in the words of the outbox', async () => {
    face.slack.world.scopes.delete('channels:history');
    const problem = await problemOf(face.port.find(postOf(CARD), 5, undefined));
    expect(problem).toMatchObject({ kind: 'blocked' });
    expect(problem.mend).toContain('channels:history');
    face.slack.rules.add({ method: 'conversations.history', misdeed: { kind: 'lost' } });
    expect(await problemOf(face.port.find(postOf(CARD), 5, undefined))).toMatchObject({ kind: 'retry' });
  });

  it('never doubles a post through 60 calls that go wrong in every way', async () => {
    const moods: (Misdeed | undefined)[] = [
      { kind: 'processed-then-reset' },
      { kind: 'lost' },
      { kind: 'status', status: 500 },
      undefined,
    ];
    for (let id = 1; id <= 60; id += 1) {
      const misdeed = moods[id % moods.length];
      if (misdeed) face.slack.rules.add({ method: 'chat.postMessage', misdeed });
      const post = postOf(words(`post ${id}`), { id: `p${id}` });
      let ts: string | undefined;
      for (let attempt = 0; ts === undefined && attempt < 4; attempt += 1)
        try {
          ts =
            (attempt > 0 ? await face.port.find(post, id, undefined) : undefined) ??
            (await face.port.send(post, id, undefined));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DeliveryProblem);
        }
      expect(ts).toBeDefined();
    }
    expect([...face.slack.world.copies().values()].every((copies) => copies === 1)).toBe(true);
    expect(face.slack.world.copies().size).toBe(60);
  });
});

describe('what is too long', () => {
  const long: Message = {
    blocks: [
      { kind: 'code', language: 'sh', text: Array.from({ length: 2_000 }, (_, i) => `line ${i}`).join('\n') },
      { kind: 'actions', actions: [{ kind: 'timeline', id: '12', label: 'Timeline', style: 'plain' }] },
    ],
  };

  it('is cut visibly, and the whole comes as a file in the thread', async () => {
    const ts = await face.port.send(postOf(long), 1, undefined);
    const card = JSON.stringify(face.slack.world.message(ts).blocks);
    expect(card).toMatch(/… cut, [\d]+ more lines: the file has it all/);
    expect(card).toContain('timeline:12');
    const [file] = await until('the file', () => {
      const files = [...face.slack.world.files.values()].filter(({ shares }) => shares.length > 0);
      return files.length > 0 && files;
    });
    expect(file?.content).toContain('line 1999');
    expect(file?.shares).toEqual([{ channel: 'C0LAUNCH', thread: ts }]);
  });

  it('says in the thread when the file could not be shared', async () => {
    face.slack.world.scopes.delete('files:write');
    const ts = await face.port.send(postOf(long), 1, undefined);
    const note = await until('the note', () => face.slack.shown('could not be shared'));
    expect(note.thread_ts).toBe(ts);
    expect(face.health.get('files')).toMatchObject({ state: 'degraded' });
  });

  it('notices a file that Slack took and never shared', async () => {
    face.slack.world.sharesFiles = false;
    await face.port.send(postOf(long), 1, undefined);
    const note = await until('the note', () => face.slack.shown('did not share it'));
    expect(note.text).toContain('The console has it.');
  });
});
