import { afterEach, describe, expect, it } from 'vitest';
import { until, warroomOnSlack } from './support.ts';

type Face = Awaited<ReturnType<typeof warroomOnSlack>>;
let face: Face | undefined;
afterEach(async () => {
  await face?.stop();
  face = undefined;
});

async function answered(one: Face, text: string): Promise<void> {
  const delivery = one.slack.command('U0ADA', text);
  expect(delivery.delivered).toBe(true);
  await delivery.acknowledged;
  await until(`the answer to ${text}`, () =>
    one.slack.world.ephemerals.some((shown) => shown.text.includes(`answer to launch ${text}`)),
  );
}

describe('two sockets', () => {
  it('take what comes while one of them is renewed', async () => {
    face = await warroomOnSlack();
    const { slack } = face;
    for (const [i, reason] of (['refresh_requested', 'warning', 'refresh_requested'] as const).entries()) {
      slack.link.refresh(0, reason);
      await answered(face, `status ${i}`);
      await until('both sockets again', () => slack.link.greeted === 2);
    }
    await until('health', () => face?.health.get('socket')?.state === 'ok');
  });

  it('come back after TCP was cut on both', async () => {
    face = await warroomOnSlack();
    const { slack, health } = face;
    slack.link.dropAll();
    await until('both sockets again', () => slack.link.greeted === 2);
    await answered(face, 'status');
    await until('health', () => health.get('socket')?.state === 'ok');
  });

  it('come back after an outage, with its mend on the board meanwhile', async () => {
    face = await warroomOnSlack();
    const { slack, health } = face;
    await slack.stop();
    await until('down', () => health.get('socket')?.state === 'down');
    expect(health.get('socket')?.mend).toContain('The console has the same commands');
    await slack.start();
    await until('both sockets again', () => slack.link.greeted === 2);
    await answered(face, 'status');
  });

  it('are replaced when nobody answers their pings', async () => {
    face = await warroomOnSlack();
    const { slack } = face;
    slack.link.says.pong = false;
    await until('new sockets', () => slack.link.opened >= 4);
    slack.link.says.pong = true;
    await until('both sockets', () => slack.link.greeted >= 2);
    await answered(face, 'status');
  });

  it('are tried again when no hello comes, and start() does not hang', async () => {
    const before = Date.now();
    face = await warroomOnSlack({ prepare: (slack) => (slack.link.says.hello = false) });
    expect(Date.now() - before).toBeLessThan(15_000);
    const { slack, health } = face;
    await until('no hello', () => health.get('socket')?.what.includes('no hello in 1.5 s'));
    slack.link.says.hello = true;
    await until('both sockets', () => slack.link.greeted === 2);
    await answered(face, 'status');
  });

  it('are tried again when the upgrade is refused', async () => {
    face = await warroomOnSlack({ prepare: (slack) => (slack.link.refusesUpgrade = true) });
    const { slack } = face;
    await until('a try', () => slack.callsOf('apps.connections.open').length >= 2);
    slack.link.refusesUpgrade = false;
    await until('both sockets', () => slack.link.greeted === 2);
  });
});

describe('tokens', () => {
  it('one that is refused is said with its mend, tried again, and works once mended', async () => {
    face = await warroomOnSlack({ prepare: (slack) => (slack.world.appTokenProblem = 'invalid_auth') });
    const { slack, health } = face;
    await until('down', () => health.get('socket')?.state === 'down');
    expect(health.get('socket')?.what).toContain('Slack does not know the app-level token (invalid_auth)');
    expect(health.get('socket')?.mend).toContain('connections:write');
    slack.world.appTokenProblem = undefined;
    await until('both sockets', () => slack.link.greeted === 2);
    await until('health', () => health.get('socket')?.state === 'ok');
  });

  it('one that is revoked while it reconnects does not end the process', async () => {
    face = await warroomOnSlack();
    const { slack, health } = face;
    slack.world.appTokenProblem = 'account_inactive';
    slack.link.dropAll();
    await until('down', () => health.get('socket')?.state === 'down');
    slack.world.appTokenProblem = undefined;
    await until('both sockets', () => slack.link.greeted === 2);
    await answered(face, 'status');
  });

  it('a bot token that is revoked is said with its mend', async () => {
    face = await warroomOnSlack({ prepare: (slack) => (slack.world.botTokenProblem = 'token_revoked') });
    const { slack, health } = face;
    await until('down', () => health.get('api')?.state === 'down');
    expect(health.get('api')?.mend).toContain('Reinstall to Workspace');
    slack.world.botTokenProblem = undefined;
    await until('signed in', () => health.get('api')?.state === 'ok');
    await until('the channel', () => health.get('channel')?.state === 'ok');
  });

  it('another program on the app token is a finding, and its end is noticed', async () => {
    face = await warroomOnSlack({ prepare: (slack) => (slack.link.foreign = 1) });
    const { slack, health } = face;
    await until('the finding', () => health.get('app-token')?.state === 'degraded');
    expect(health.get('app-token')?.what).toContain('another program uses this app token');
    slack.link.foreign = 0;
    await until('all ours', () => health.get('app-token')?.state === 'ok');
  });

  it('one that another program joins later is noticed when a connection is renewed', async () => {
    face = await warroomOnSlack();
    const { slack, health } = face;
    expect(health.get('app-token')?.state).toBe('ok');
    slack.link.foreign = 1;
    // Right after one of ours closed the count is not trusted yet; the next one decides.
    slack.link.refresh(0);
    await until('the finding', () => health.get('app-token')?.state === 'degraded');
    slack.link.foreign = 0;
    await until('all ours', () => health.get('app-token')?.state === 'ok');
  });

  it('none is ever logged', async () => {
    face = await warroomOnSlack({ prepare: (slack) => (slack.world.appTokenProblem = 'invalid_auth') });
    const { slack, health, lines } = face;
    await until('down', () => health.get('socket')?.state === 'down');
    slack.world.appTokenProblem = undefined;
    slack.link.refusesUpgrade = true;
    await until('a try', () => slack.callsOf('apps.connections.open').length >= 5);
    const log = lines.join('');
    expect(log.length).toBeGreaterThan(100);
    expect(log).not.toContain(slack.world.appToken);
    expect(log).not.toContain(slack.world.botToken);
    expect(log).not.toMatch(/ticket-\d/);
  });
});

describe('odd frames', () => {
  it('an event without an event, bad JSON and unknown types harm nothing', async () => {
    const unhandled: unknown[] = [];
    const note = (thrown: unknown) => unhandled.push(thrown);
    process.on('unhandledRejection', note);
    try {
      face = await warroomOnSlack();
      const { slack } = face;
      const limited = slack.people.event(undefined, { type: 'app_rate_limited', minute_rate_limited: 1 });
      await limited.acknowledged;
      slack.link.say('{');
      slack.link.say({ type: 'unheard_of', envelope_id: 'e1', payload: {} });
      slack.link.say({ type: 'events_api', envelope_id: 'e2' });
      await answered(face, 'status');
      expect(slack.link.greeted).toBe(2);
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });
});
