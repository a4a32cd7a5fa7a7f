import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { parse, stringify } from 'yaml';
import type { Bot } from '../../bot.ts';
import type { Act } from '../../proof.ts';

/** A bot's store, read beside it. */
export class Records {
  readonly #store: string;

  constructor(private readonly config: string) {
    const { store } = parse(readFileSync(config, 'utf8')) as { store: string };
    this.#store = store.replace(/^sqlite:/, '');
  }

  read<T>(sql: string, ...values: readonly unknown[]): T[] {
    const db = new Database(this.#store, { readonly: true, fileMustExist: true });
    try {
      return db.prepare(sql).all(...values) as T[];
    } finally {
      db.close();
    }
  }

  lastRow(): number {
    return this.read<{ seq: number | null }>('select max(seq) as seq from audit')[0]?.seq ?? 0;
  }

  /** Refusals of an account behind a row. */
  refusals(after: number, account: string): number {
    const [row] = this.read<{ n: number }>(
      "select count(*) as n from audit where seq > ? and what like '% refused' and who like ?",
      after,
      `%(${account})`,
    );
    return row?.n ?? 0;
  }

  /** What people can change, in one text. */
  async state(bot: Bot): Promise<string> {
    const { handsOff, silences } = await bot.status();
    const incidents = (await bot.incidents()).map(({ id, owner, proposals }) => [
      ...[id, owner],
      ...proposals.map((one) => [one.id, one.state, one.planHash, one.askers, one.approvals.length]),
    ]);
    const marks = this.read<{ n: number }>('select count(*) as n from marks');
    return JSON.stringify({ handsOff, silences, incidents, marks });
  }

  /** `warroom audit verify` on the store, and on a copy in which one word was changed. */
  async verify(act: Act): Promise<void> {
    const whole = await warroom(['audit', 'verify', '--config', this.config]);
    act.check('warroom audit verify: whole', whole.ended, whole.said);
    const folder = act.folder();
    const db = new Database(this.#store, { readonly: true });
    const copy = join(folder, 'copy.db');
    await db.backup(copy);
    db.close();
    const changed = new Database(copy);
    changed.exec("update audit set who = 'somebody else' where seq = (select max(seq) / 2 from audit)");
    changed.close();
    const config = join(folder, 'warroom.yaml');
    const read = parse(readFileSync(this.config, 'utf8')) as object;
    writeFileSync(config, stringify({ ...read, store: `sqlite:${copy}` }));
    const broken = await warroom(['audit', 'verify', '--config', config]);
    act.check('and not when a row was changed', !broken.ended && /NOT whole/.test(broken.said), broken.said);
  }
}

/** The command line beside the bot. Not waited for in one piece: the platforms stand in this very process. */
export function warroom(
  words: readonly string[],
): Promise<{ readonly ended: boolean; readonly said: string }> {
  const tokens = { PROVE_SLACK_BOT_TOKEN: 'x', PROVE_SLACK_APP_TOKEN: 'x', PROVE_DISCORD_TOKEN: 'x' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['dist/main.js', ...words],
      { env: { ...process.env, ...tokens } },
      (problem, out, err) => resolve({ ended: problem === null, said: `${out}${err}`.trim() }),
    );
  });
}
