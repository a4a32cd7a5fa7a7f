import type { Act } from '../../proof.ts';
import type { Actor, Told } from './acts.ts';
import type { Scene } from './strangers.ts';

const NONE = '0'.repeat(64);

/** Button values that no card of ours has, or has any more, pressed by somebody who may do everything. */
export async function forgedValues(act: Act, scene: Scene, adas: readonly Actor[]): Promise<void> {
  const { incident, cure, relief } = scene;
  const before = await scene.records.state(scene.bot);
  const unknown = [
    ...['explode:1', `explode:${relief.id}:${relief.planHash}`, 'approve', 'approve:', '__proto__:1'],
    ...[`approve:${relief.id}:${relief.planHash} `, `approve:${relief.id}:${relief.planHash.toUpperCase()}`],
    ...[
      `approve:${relief.id};drop table audit`,
      `APPROVE:${relief.id}:${relief.planHash}`,
      `approve:${'1'.repeat(40)}-A`,
    ],
    ...[`approve:../${relief.id}`, `x${'y'.repeat(1_500)}`, `approve:${relief.id}:${relief.planHash}\n`],
  ];
  const stale: readonly (readonly [string, RegExp])[] = [
    [`approve:${relief.id}`, /plan/i],
    [`approve:${relief.id}:${NONE}`, /plan/i],
    [`refuse:${relief.id}:${NONE}`, /plan/i],
    [`give-back:${relief.id}:${NONE}`, /plan/i],
    [`approve:${relief.id}:${cure.planHash}`, /plan/i],
    [`approve:${cure.id}:${relief.planHash}`, /plan/i],
    [`approve:${incident}-ZZ:${relief.planHash}`, /no proposal/i],
    [`approve:9999-A:${relief.planHash}`, /no proposal/i],
    [`refuse:9999-A:${relief.planHash}`, /no proposal/i],
    [`approve:${incident}:${relief.planHash}`, /no proposal/i],
    [`show-plan:9999-A`, /no proposal/i],
    [`ask-again:9999-A`, /no proposal/i],
    ['acknowledge:9999', /no incident/i],
    ['timeline:9999', /no incident/i],
    ['silence:9999', /no incident/i],
    [`parameters:${incident}.no-such`, /no remediation/i],
    ['parameters:9999.cache-rule', /no incident/i],
  ];
  for (const ada of adas) {
    const odd: string[] = [];
    for (const value of unknown) {
      const told = await ada.press(value);
      if (!/out of date|not known any more/.test(told.text)) odd.push(shown(value, told));
    }
    for (const [value, wanted] of stale) {
      const told = await ada.press(value);
      if (told.form || !wanted.test(told.text)) odd.push(shown(value, told));
    }
    act.check(
      `${ada.who}: forged and stale buttons are answered with what holds`,
      odd.length === 0,
      odd.slice(0, 6).join(' | ') || `${unknown.length + stale.length} values`,
    );
  }
  const after = await scene.records.state(scene.bot);
  act.check(
    'and change nothing',
    after === before,
    after === before ? 'same state' : `${before} -> ${after}`,
  );
}

function shown(value: string, { text, form }: Told): string {
  return `${value.slice(0, 30)}: ${form ? 'a form' : text.slice(0, 90)}`;
}
