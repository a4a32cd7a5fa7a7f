import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bench, bench, connected, until } from './bench.ts';

const unhandled: unknown[] = [];
const note = (thrown: unknown) => void unhandled.push(thrown);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => {
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

async function answers({ discord, desk }: Bench): Promise<void> {
  const before = desk.asked.length;
  const answer = await discord.command('42', 'status');
  expect(answer.text).toBe('done');
  expect(desk.asked.length).toBe(before + 1);
}

it('connects, says so, and goes without a trace', async () => {
  const made = await connected();
  expect(made.health.get('socket')).toEqual({ state: 'ok', what: 'connected' });
  await answers(made);
  await made.platform.stop();
  await until(() => made.discord.gateway.connected === 0);
});

it('resumes after op7 and after a torn connection, and misses nothing', async () => {
  const made = await connected();
  made.discord.gateway.reconnect();
  await until(() => made.discord.gateway.resumes === 1 && made.discord.gateway.connected === 1);
  await answers(made);
  made.discord.gateway.drop();
  await until(() => made.discord.gateway.connected === 0);
  // Pressed while nobody listened: replayed after the resume, and still young enough.
  await answers(made);
  expect(made.discord.gateway).toMatchObject({ resumes: 2, identifies: 1 });
});

it('begins anew after op9 false', async () => {
  const made = await connected();
  made.discord.gateway.invalidate(false);
  await until(() => made.discord.gateway.identifies === 2 && made.discord.gateway.connected === 1);
  await answers(made);
});

it('gives up a socket that answers no beats, and comes back when it does', async () => {
  const made = await connected({
    timings: { beatMs: 300 },
    prepare: (discord) => {
      discord.gateway.heartbeatMs = 100;
    },
  });
  await until(() => made.discord.gateway.beats > 2);
  made.discord.gateway.mute = true;
  await until(() => /no beat/.test(made.health.get('socket')?.what ?? ''));
  expect(made.health.get('socket')?.state).toBe('down');
  made.discord.gateway.mute = false;
  await until(() => made.health.get('socket')?.state === 'ok' && made.discord.gateway.connected === 1);
  expect(made.discord.gateway.identifies).toBeGreaterThan(1);
  await answers(made);
});

it('goes on after a fatal close', async () => {
  const made = await connected();
  made.discord.gateway.refuseIdentify = 4014;
  made.discord.gateway.close(4014);
  await until(() => /4014 DisallowedIntents/.test(made.health.get('socket')?.what ?? ''));
  made.discord.gateway.refuseIdentify = undefined;
  await until(() => made.health.get('socket')?.state === 'ok' && made.discord.gateway.connected === 1);
  await answers(made);
});

it('says which token is refused, and connects once it is mended, without a restart', async () => {
  const made = await connected({ token: { env: 'DISCORD_TEST_TOKEN_2' } });
  made.discord.revoke('mended');
  await until(() => made.health.get('socket')?.state === 'down');
  await until(() => /refuses the token/.test(made.health.get('socket')?.what ?? ''));
  expect(made.health.get('socket')?.mend).toContain('Reset Token');
  process.env['DISCORD_TEST_TOKEN_2'] = 'mended';
  try {
    await until(() => made.health.get('socket')?.state === 'ok' && made.discord.gateway.connected === 1);
  } finally {
    delete process.env['DISCORD_TEST_TOKEN_2'];
  }
  await answers(made);
});

it('starts without Discord, and connects when it comes', async () => {
  const made = await bench();
  await made.discord.stop();
  await made.platform.start();
  expect(made.health.get('socket')).toMatchObject({
    state: 'down',
    what: expect.stringContaining('ECONNREFUSED'),
  });
  await made.discord.start();
  await until(() => made.health.get('commands')?.state === 'ok');
  await answers(made);
});

it('survives a Discord that goes and comes back', async () => {
  const made = await connected({ timings: { awayMs: 800 } });
  await made.discord.stop();
  await until(() => made.health.get('socket')?.state === 'down');
  await made.discord.start();
  await until(() => made.health.get('socket')?.state === 'ok' && made.discord.gateway.connected === 1);
  await answers(made);
});

it('does not log in while no session is left', async () => {
  const made = await bench({
    prepare: (discord) => {
      discord.sessions = { total: 1000, remaining: 0, reset_after: 60_000, max_concurrency: 1 };
    },
  });
  await made.platform.start();
  expect(made.health.get('socket')?.what).toMatch(/no new connection until \d\d:\d\d/);
  expect(made.discord.gateway.identifies).toBe(0);
  made.discord.sessions = { ...made.discord.sessions, remaining: 10 };
  await until(() => made.health.get('socket')?.state === 'ok');
});

it('gives up a gateway that says nothing, and holds one session afterwards', async () => {
  const made = await bench({
    timings: { connectMs: 1_200, startMs: 1_500 },
    prepare: (discord) => {
      discord.gateway.withholdHello = true;
    },
  });
  await made.platform.start();
  await until(() => /did not finish the login/.test(made.health.get('socket')?.what ?? ''));
  made.discord.gateway.withholdHello = false;
  await until(() => made.health.get('commands')?.state === 'ok');
  await answers(made);
  // What was given up comes back after half a second by itself; it may not stay.
  await until(() => made.discord.gateway.connections >= 3);
  await until(() => made.discord.gateway.connected === 1 && made.discord.gateway.open === 1);
});

it('stops identifying long before Discord would mind', async () => {
  const made = await bench({
    timings: { identifiesAnHour: 4 },
    prepare: (discord) => {
      discord.gateway.refuseIdentify = 4014;
    },
  });
  await made.platform.start();
  await until(() => /within an hour/.test(made.health.get('socket')?.what ?? ''));
  expect(made.discord.gateway.identifies).toBe(4);
  await made.platform.stop();
});
