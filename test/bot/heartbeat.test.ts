import { afterEach, expect, it } from 'vitest';
import { startHeartbeat } from '../../src/bot/heartbeat.ts';
import { Secret } from '../../src/config/secret.ts';
import { HealthBoard } from '../../src/health/health.ts';

let stop: (() => void) | undefined;
afterEach(() => stop?.());

function beating(answer: () => Response, alive: () => boolean) {
  const health = new HealthBoard();
  const calls: string[] = [];
  const heartbeat = startHeartbeat({
    address: () => new Secret('http://example.test/ping/tops3cret'),
    ...{ alive, health, eachMs: 5 },
    fetch: (async (url: string) => {
      calls.push(url);
      return answer();
    }) as unknown as typeof fetch,
  });
  stop = () => heartbeat.stop();
  return { health, calls };
}

it('calls again and again while the rounds go on, and not when they do not', async () => {
  let alive = true;
  const { health, calls } = beating(
    () => new Response(null, { status: 200 }),
    () => alive,
  );
  await expect.poll(() => calls.length, { interval: 2 }).toBeGreaterThan(3);
  expect(health.of('chat')).toMatchObject([{ part: 'chat:heartbeat', state: 'ok' }]);
  alive = false;
  const before = calls.length;
  // One may be on its way.
  await new Promise((resolve) => setImmediate(resolve));
  const settled = Math.max(before, calls.length);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(calls.length).toBe(settled);
});

it('says what to mend when it is not taken, without the address', async () => {
  const { health } = beating(
    () => new Response(null, { status: 500 }),
    () => true,
  );
  await expect.poll(() => health.of('chat')[0]?.state, { interval: 2 }).toBe('degraded');
  expect(JSON.stringify(health.of('chat'))).not.toContain('tops3cret');
  expect(health.of('chat')[0]?.mend).toContain('heartbeat');
});
