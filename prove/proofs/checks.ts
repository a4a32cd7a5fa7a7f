import { downLab, type Lab, labPossible, upLab } from '../../lab/index.ts';
import { LIMITS } from '../../lab/limits.ts';
import { PARTS } from '../../lab/plan.ts';
import { SYSTEMS } from '../../src/checks/index.ts';
import { type Bot, botFor } from '../bot.ts';
import { isShown, type LabRow, type Row, type Shown } from '../checks/row.ts';
import { ROWS } from '../checks/rows/index.ts';
import { isLabRow, isOwnRow, showByTest, showOnItsOwn, showOnLab } from '../checks/show.ts';
import { forgetShown, keepShown, readShown, STATE_FILE, table, writeTable } from '../checks/table.ts';
import { type Act, eventually, Failed, type Proof } from '../proof.ts';

/** No row is begun after this; one lasts three minutes at most. */
const LAST_BEGIN_S = 270;

/** `npm run prove -- checks [ID…] [again]`: goes on where the last run ended; with ids, those rows alone. */
export const checksProof: Proof = {
  name: 'checks',
  shows:
    'each check fires on its fault with the right figure and evidence, is quiet otherwise, and clears [ID…] [again]',
  seconds: 478,
  run: async (act) => {
    const words = process.argv.slice(3);
    const ids = SYSTEMS.flatMap((system) => system.checks.map(({ id }) => id));
    const named = words.filter((word) => word !== 'again');
    for (const word of named) if (!ids.includes(word)) throw new Failed(`there is no check ${word}`);
    if (words.includes('again')) forgetShown();
    const before = readShown();
    const rows = new Map<string, Row>(ROWS.map((row) => [row.check, row]));
    const wanted = named.length > 0 ? named : ids.filter((id) => !before.has(id));
    const done: string[] = [];
    const note = async (row: Row, show: () => Promise<Shown>) => {
      const result = await show();
      keepShown(result);
      done.push(row.check);
      act.check(row.check, isShown(result), result.seen.slice(0, 300));
    };
    const todo = wanted.flatMap((id) => rows.get(id) ?? []);
    for (const id of wanted) if (!rows.has(id)) act.check(id, false, 'no row shows it yet');
    // In turns: each lane waits for its own rows only.
    const inTurn = async <R extends Row>(rows: readonly R[], show: (row: R) => Promise<Shown>) => {
      for (const row of rows) {
        if (act.seconds() > LAST_BEGIN_S) break;
        await note(row, () => show(row));
      }
    };
    const onLab = async (own: readonly LabRow[]) => {
      if (own.length === 0) return;
      const { lab, bot } = await stage(act, own);
      // What the visitors feel, and what works beside them.
      const lanes = [own.filter(feltByVisitors), own.filter((row) => !feltByVisitors(row))];
      await Promise.all(lanes.map((lane) => inTurn(lane, (row) => showOnLab(row, lab, bot))));
    };
    const labRows = todo.filter(isLabRow);
    const together = labRows.filter((row) => !row.alone);
    if (together.length > 0)
      for (const row of labRows) if (row.alone) act.say(`${row.check} is shown alone, once the others are`);
    await Promise.all([
      onLab(together.length > 0 ? together : labRows),
      inTurn(todo.filter(isOwnRow), (row) => showOnItsOwn(row, act)),
    ]);
    for (const row of todo) {
      if (isLabRow(row) || isOwnRow(row)) continue;
      if (act.seconds() > LAST_BEGIN_S + 60) break;
      await note(row, async () => showByTest(row));
    }
    const shown = readShown();
    if (named.length === 0) writeTable(table(ids, shown));
    const left = ids.filter((id) => !shown.has(id)).length;
    act.figure('shown in this run', done.length);
    act.figure(
      'whole',
      `${ids.filter((id) => shown.has(id) && isShown(shown.get(id) as Shown)).length} of ${ids.length}`,
    );
    if (left > 0 && named.length === 0)
      act.figure('left', `${left}: run it again to go on (state in ${STATE_FILE})`);
  },
};

/** The shop's database is the visitors' too. */
function feltByVisitors({ parts }: LabRow): boolean {
  return parts.includes('web') || parts.includes('postgres');
}

/** The whole lab under healthy traffic and a bot with the default thresholds. */
async function stage(act: Act, rows: readonly LabRow[]): Promise<{ lab: Lab; bot: Bot }> {
  const possible = labPossible();
  if (!possible.possible) throw new Failed(`the lab cannot run here: ${possible.reason}`);
  const root = act.folder();
  act.after(() => downLab(root, { keep: true }));
  const parts = PARTS.filter((part) => rows.some((row) => row.parts.includes(part)));
  const lab = await upLab({ root, only: parts, say: act.say });
  if (parts.includes('web')) {
    await lab.traffic(LIMITS.rate, 900);
    await eventually('a warm cache', () => ((lab.report()?.hitShare ?? 0) > 0.8 ? true : undefined), 60_000);
  }
  const bot = await botFor(act, root);
  await eventually(
    'two looks at everything',
    async () => ((await bot.findings()).length > 20 ? true : undefined),
    60_000,
    1000,
  );
  act.say(`parts ${parts.join(', ')} are up and watched`);
  return { lab, bot };
}
