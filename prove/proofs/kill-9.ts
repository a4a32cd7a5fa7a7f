import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Lab } from '../../lab/index.ts';
import { verifyAudit } from '../../src/store/audit.ts';
import { openStore } from '../../src/store/store.ts';
import { type Bot, botFor } from '../bot.ts';
import { warmLab } from '../lab.ts';
import { type Act, eventually, Failed, type Proof, pause } from '../proof.ts';

/** Six samples of the site on fire. */
const BURN_MS = 32_000;
const ENDS = ['kept', 'reverted', 'needs-human', 'failed'];

/** When the bot is killed: a condition on its own store, looked at every few milliseconds from outside. */
interface Point {
  readonly name: string;
  /** SQL that gives a row once the moment is there. */
  readonly when: string;
  /** A fix that cannot help is taken back: the only way to be killed in the middle of that. */
  readonly useless?: true;
  /** Varnish's manager is stopped once this gives a row, and goes on after the kill: the bot dies inside its call. */
  readonly hold?: string;
  readonly ends: readonly string[];
}

const POINTS: readonly Point[] = [
  {
    name: 'between approval and apply',
    when: "SELECT 1 FROM proposals WHERE state IN ('approved','running') AND id = $id AND NOT EXISTS (SELECT 1 FROM journal WHERE proposal = $id AND kind = 'intent')",
    ends: ['kept'],
  },
  {
    name: 'inside vcl.use',
    hold: "SELECT 1 FROM journal WHERE proposal = $id AND kind = 'outcome' AND step = 0",
    when: "SELECT 1 FROM journal WHERE proposal = $id AND kind = 'intent' AND step = 1 AND NOT EXISTS (SELECT 1 FROM journal WHERE proposal = $id AND kind = 'outcome' AND step = 1)",
    ends: ['kept', 'reverted', 'needs-human'],
  },
  {
    name: 'after apply, before verify',
    when: "SELECT 1 FROM proposals WHERE id = $id AND state = 'settling'",
    ends: ['kept'],
  },
  {
    name: 'during revert',
    useless: true,
    when: "SELECT 1 FROM journal WHERE proposal = $id AND kind = 'revert-intent'",
    ends: ['reverted'],
  },
];

/** The bot is killed at its worst moments; each restart ends kept, reverted or needs-a-human, and nothing is done twice. */
export const kill9: Proof = {
  name: 'kill-9',
  shows: 'the bot killed at five moments of a fix: taken up again, nothing twice, audit whole',
  seconds: 475,
  run: async (act) => {
    const lab = await warmLab(act);
    let bot = await botFor(act, lab.root);
    await lab.fault('no-redirect-cache', true);
    const opened = await eventually('a thread', async () => (await bot.incidents('open'))[0], 60_000);
    await pause(250);
    await bot.kill('SIGKILL');
    bot = await botFor(act, lab.root);
    const again = await eventually(
      'the thread after the restart',
      async () => (await bot.incidents('open'))[0],
      10_000,
    );
    act.check(
      'killed after the thread opened: the same thread',
      again.id === opened.id && (await bot.incidents()).length === 1,
      `#${again.id}`,
    );
    for (const point of POINTS) {
      bot = await killedAt(act, lab, bot, opened.id, point);
      if (act.seconds() > 420) break;
    }
    await bot.kill('SIGTERM');
    await storeIsWhole(act, lab, opened.id);
  },
};

async function killedAt(act: Act, lab: Lab, before: Bot, incident: string, point: Point): Promise<Bot> {
  await pause(500);
  const form = point.useless
    ? 'form=url-ttl urls=/ seconds=60'
    : 'form=ttl pattern=/legacy/ share=0.3 paths=/legacy/shoe-01.html,/legacy/shoe-02.html';
  let answer = '';
  const proposal = await eventually(
    'a proposal',
    async () => {
      const asked = await before.post(
        '/api/commands',
        { text: `fix cache-rule service=edge ${form} incident=${incident}` },
        'otto',
      );
      answer = JSON.stringify(asked.body);
      const { proposals } = await before.incident(incident);
      return proposals.find(
        (one) =>
          one.state === 'pending' &&
          one.remediation === 'cache-rule' &&
          (point.useless ? one.params['form'] === 'url-ttl' : one.params['form'] === 'ttl'),
      );
    },
    60_000,
    2_000,
  ).catch((thrown: unknown) => {
    throw new Failed(`${String(thrown)}: ${answer.slice(0, 400)}`);
  });
  const moment = watch(lab, proposal.id, point.when);
  const holding =
    point.hold === undefined
      ? undefined
      : watch(lab, proposal.id, point.hold).then(() =>
          lab.exec('web1', ['pkill', '-STOP', '-o', 'varnishd']),
        );
  await before.approve(proposal, 'ada');
  await moment;
  await before.kill('SIGKILL');
  if (holding) {
    await holding;
    await lab.exec('web1', ['pkill', '-CONT', '-o', 'varnishd']);
  }
  const bot = await botFor(act, lab.root);
  const done = await eventually(
    `an end of ${proposal.id}`,
    async () => {
      const now = await bot.proposal(proposal.id);
      return ENDS.includes(now.state) ? now : undefined;
    },
    120_000,
    500,
  );
  act.check(
    `killed ${point.name}: ends ${point.ends.join(' or ')}`,
    point.ends.includes(done.state),
    `${proposal.id} ${done.state}: ${done.outcome}`,
  );
  const list = await lab.varnishadm('vcl.list');
  const active = list.split('\n').find((line) => line.startsWith('active')) ?? '';
  act.check(
    `Varnish agrees`,
    done.state === 'kept'
      ? /wr_/.test(active)
      : !new RegExp(`wr_${proposal.id.replace('-', '').toLowerCase()}\\b`).test(active),
    active.trim(),
  );
  // Back to the file's own VCL for the next moment; what was kept there is forgotten.
  await lab.varnishadm('vcl.use', 'boot');
  await lab.varnishadm('ban', 'req.url', '~', '^/legacy/');
  // The next verdict compares with the site as it burns again, not as it healed.
  if (point !== POINTS.at(-1)) await pause(BURN_MS);
  return bot;
}

/** Resolves at the moment when the bot's own store has such a row. */
async function watch(lab: Lab, id: string, sql: string): Promise<void> {
  const db = new Sqlite(join(lab.root, 'data', 'warroom.db'), { readonly: true });
  try {
    const query = db.prepare(sql);
    const end = Date.now() + 90_000;
    while (query.get({ id }) === undefined) {
      if (Date.now() > end) throw new Failed(`the moment never came: ${sql}`);
      await pause(2);
    }
  } finally {
    db.close();
  }
}

async function storeIsWhole(act: Act, lab: Lab, incident: string): Promise<void> {
  const path = join(lab.root, 'data', 'warroom.db');
  const store = openStore(path);
  const verdict = await verifyAudit(store.db);
  act.check('the audit log is whole', verdict.ok, `${verdict.rows} rows`);
  const twice = await store.db
    .selectFrom('journal')
    .select(['proposal', 'step'])
    .where('kind', '=', 'outcome')
    .groupBy(['proposal', 'step'])
    .having((eb) => eb.fn.countAll(), '>', 1)
    .execute();
  act.check('no step has two outcomes', twice.length === 0, JSON.stringify(twice));
  const heads = await store.db.selectFrom('posts').select('id').where('role', '=', 'head').execute();
  act.check(
    'no thread twice',
    new Set(heads.map((row) => row.id)).size === heads.length &&
      heads.some((row) => row.id === `i${incident}`),
    `${heads.length} heads`,
  );
  await store.close();
  rmSync(`${path}-shm`, { force: true });
}
