import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OTHER } from './stand-in/index.ts';
import { until, warroomOnSlack } from './support.ts';

type Face = Awaited<ReturnType<typeof warroomOnSlack>>;
let face: Face;
beforeEach(async () => {
  face = await warroomOnSlack();
  await until('signed in', () => face.health.get('api')?.state === 'ok');
});
afterEach(() => face.stop());

async function asked(user: string, channel?: string) {
  const text = `whoami ${user} ${Math.random()}`;
  await face.slack.command(user, text, channel === undefined ? {} : { channel }).acknowledged;
  const { identity } = await until(text, () => face.desk.asked.find(({ what }) => what === `launch ${text}`));
  return identity;
}

describe('who asks', () => {
  it.each([
    ['U0ADA', 'member'],
    ['U0GUEST', 'guest'],
    ['U0SINGLE', 'guest'],
    ['U0GONE', 'deleted'],
    ['U0ROBOT', 'bot'],
    ['U0STRANGE', 'stranger'],
    ['U0FOREIGN', 'stranger'],
    ['U0NOBODY', 'stranger'],
  ])('%s is a %s', async (user, kind) => {
    expect(await asked(user)).toMatchObject({ platform: 'slack', id: user, kind });
  });

  it('has the name that Slack shows', async () => {
    expect((await asked('U0ADA')).display).toBe('ada');
  });

  it('is asked again after ten seconds at most, so that a deleted account loses its rights', async () => {
    await asked('U0BEN');
    await asked('U0BEN');
    expect(face.slack.callsOf('users.info').filter(({ args }) => args['user'] === 'U0BEN')).toHaveLength(1);
  });

  it('is not vouched for when Slack does not answer in two seconds', async () => {
    face.slack.rules.add({ method: 'users.info', misdeed: { kind: 'silent' } });
    const before = Date.now();
    expect((await asked('U0ADA')).kind).toBe('unverified');
    expect(Date.now() - before).toBeLessThan(10_000);
  });

  it.each([
    { kind: 'status', status: 503 },
    { kind: 'rate-limit', retryAfter: 30 },
    { kind: 'lost' },
  ] as const)('is not vouched for when asking ends in %j', async (misdeed) => {
    face.slack.rules.add({ method: 'users.info', misdeed });
    expect((await asked('U0ADA')).kind).toBe('unverified');
    // That is not remembered.
    expect((await asked('U0ADA')).kind).toBe('member');
  });
});

describe('from another channel', () => {
  it('a member of the launch channel is one, anybody else a stranger', async () => {
    expect((await asked('U0ADA', OTHER)).kind).toBe('member');
    expect((await asked('U0CARL', OTHER)).kind).toBe('stranger');
    expect((await asked('U0GUEST', OTHER)).kind).toBe('guest');
    expect(face.slack.callsOf('conversations.members')).toHaveLength(1);
  });

  it('nobody is vouched for when the members cannot be read', async () => {
    face.slack.world.scopes.delete('channels:read');
    expect((await asked('U0ADA', OTHER)).kind).toBe('unverified');
  });
});
