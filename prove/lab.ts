import { downLab, type Lab, labPossible, upLab } from '../lab/index.ts';
import { LIMITS } from '../lab/limits.ts';
import { type Act, eventually, Failed } from './proof.ts';

/** A lab of the proof's own with warm caches under healthy traffic; down at the end. */
export async function warmLab(act: Act, rate: number = LIMITS.rate): Promise<Lab> {
  const lab = await coldLab(act);
  await lab.traffic(rate, 900);
  await eventually('a warm cache', () => ((lab.report()?.hitShare ?? 0) > 0.8 ? true : undefined), 60_000);
  act.say(`traffic ${rate} req/s, ${Math.round((lab.report()?.hitShare ?? 0) * 100)} % from the cache`);
  return lab;
}

export async function coldLab(act: Act): Promise<Lab> {
  const possible = labPossible();
  if (!possible.possible) throw new Failed(`the lab cannot run here: ${possible.reason}`);
  const root = act.folder();
  act.after(() => downLab(root, { keep: true }));
  const lab = await upLab({ root, only: ['web'], say: act.say });
  act.say(`lab up in ${root}`);
  return lab;
}
