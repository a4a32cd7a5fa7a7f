import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { downLab, type Lab, until, upLab } from '../../lab/index.ts';
import { Bot } from '../../prove/bot.ts';
import { newRoot, prepareLab, withoutLab } from './lab-support.ts';

const WATCHED_MS = 60_000;

describe.skipIf(withoutLab !== undefined)('the built bot on a healthy stack', () => {
  const root = newRoot();
  let lab: Lab;
  let bot: Bot;

  beforeAll(async () => {
    prepareLab(['web']);
    lab = await upLab({ root, only: ['web'] });
    await lab.traffic(lab.defaultRate, 300);
    await until('a warm cache', () => (lab.report()?.hitShare ?? 0) > 0.8, 60_000);
    const url =
      /publicUrl: "?(http:[^"\s]+)/.exec(readFileSync(join(root, 'warroom.yaml'), 'utf8'))?.[1] ?? '';
    bot = new Bot(
      join(root, 'warroom.yaml'),
      url,
      JSON.parse(readFileSync(join(root, 'tokens.json'), 'utf8')),
      join(root, 'bot.log'),
    );
    await bot.start();
  }, 120_000);

  afterAll(async () => {
    await bot?.kill('SIGTERM');
    await downLab(root);
  }, 60_000);

  test(
    'opens no incident of the site in a minute, leaves nothing unknown, and agrees with the stack about figures',
    async () => {
      await until('figures of visitors', async () => (await bot.status()).visitors?.p95 != null, 40_000);
      const end = Date.now() + WATCHED_MS;
      // The load of this machine is whatever else runs on it: it is no word about the stack.
      await until(
        'a minute',
        async () => {
          const site = (await bot.incidents()).filter((incident) =>
            incident.findings.some((finding) => finding.check !== 'host.load'),
          );
          expect(site.map((incident) => incident.title)).toEqual([]);
          return Date.now() > end;
        },
        WATCHED_MS + 20_000,
        2_000,
      );
      const status = await bot.status();
      expect(status.counts.unknown).toBe(0);
      expect(status.services.find((row) => row.name === 'balancer')?.figures).toContain('3 of 3 up');
      const rate = status.visitors?.requests ?? 0;
      expect(rate).toBeGreaterThan(lab.defaultRate * 0.7);
      expect(rate).toBeLessThan(lab.defaultRate * 1.3);
    },
    WATCHED_MS + 90_000,
  );
});
