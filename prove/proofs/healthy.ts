import { botFor } from '../bot.ts';
import { warmLab } from '../lab.ts';
import { type Proof, pause } from '../proof.ts';

const WATCHED_S = 395;

export const healthy: Proof = {
  name: 'healthy',
  shows: 'healthy traffic raises no incident',
  seconds: 475,
  run: async (act) => {
    const lab = await warmLab(act);
    const bot = await botFor(act, lab.root);
    const until = Date.now() + WATCHED_S * 1000;
    const seen = new Map<string, string>();
    const levels = new Map<string, string>();
    while (Date.now() < until) {
      await pause(5_000);
      for (const incident of await bot.incidents()) seen.set(incident.id, incident.title);
      const status = await bot.status();
      for (const finding of [...status.services, ...status.hosts].flatMap((row) => row.findings))
        if (finding.level !== 'ok') levels.set(`${finding.check}@${finding.target}`, finding.summary);
    }
    act.check('no incident', seen.size === 0, [...seen.values()].join('; ') || 'none');
    const status = await bot.status();
    act.check(
      'no unknown',
      status.counts.unknown === 0,
      `${status.counts.ok} ok, ${status.counts.warn} warn, ${status.counts.critical} critical, ${status.counts.unknown} unknown`,
    );
    for (const [id, summary] of levels) act.say(`for a moment: ${id} ${summary}`);
    act.figure('watched', `${WATCHED_S} s`);
    act.figure('p95', `${lab.report()?.p95} ms`);
    act.figure('failed', lab.report()?.failed ?? 0);
  },
};
