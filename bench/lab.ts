import { downLab, type Lab, labPossible, upLab } from '../lab/index.ts';
import type { Part } from '../lab/plan.ts';
import { type Act, Failed } from '../prove/proof.ts';

/** A lab of the bench's own, without visitors; down at the end. */
export async function labFor(act: Act, only?: readonly Part[]): Promise<Lab> {
  const possible = labPossible();
  if (!possible.possible) throw new Failed(`the lab cannot run here: ${possible.reason}`);
  const root = act.folder();
  act.after(() => downLab(root, { keep: true }));
  const lab = await upLab({ root, ...(only ? { only } : {}), say: act.say });
  act.say('the lab is up');
  return lab;
}
