import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { parse, stringify } from 'yaml';
import type { Lab } from '../../lab/index.ts';
import type { IncidentJson, ProposalJson, ServiceJson, StatusJson } from '../../src/bot/contract.ts';
import type { Finding } from '../../src/checks/contract.ts';
import { type Bot, botFor, sketch } from '../bot.ts';
import { fill, tinyDisk } from '../disk.ts';
import { warmLab } from '../lab.ts';
import { type Act, eventually, type Proof, pause } from '../proof.ts';

const SAID_S = 30;
/** Two rounds and what an answer may take. */
const FRESH_S = 15;
const MOST_RSS_MB = 250;
const MOST_LAG_MS = 1_000;
const STATS_PORT = 9291;

/** A host, a server, the disk and an answer fail: each is said, nothing unknown is called ok, and the rest goes on. */
export const unplugged: Proof = {
  name: 'unplugged',
  shows:
    'a host cut off, Varnish killed, the disk full, endless answers: said, never called ok, nothing lost',
  seconds: 475,
  run: async (act) => {
    const lab = await warmLab(act);
    for (const host of ['app1', 'app2', 'app3']) await relay(lab, host);
    const disk = tinyDisk(act);
    const bot = await botFor(act, lab.root, configOf(lab, disk));
    const pulse = new Pulse(bot);
    act.after(() => pulse.stop());
    await eventually(
      'all figures',
      async () => ((await stale(bot, [])).length === 0 ? true : undefined),
      60_000,
    );
    // Nothing is notified before it is warmed up, and what was never seen well is no news.
    await pause(15_000);
    await quiet(act, bot, 'before anything');

    await hostCut(act, lab, bot);
    await varnishKilled(act, lab, bot);
    await badAnswers(act, lab, bot, pulse);
    await diskFull(act, lab, bot, disk);

    act.check(`the bot stays below ${MOST_RSS_MB} MiB`, pulse.rssMb < MOST_RSS_MB, `${pulse.rssMb} MiB`);
    act.figure('most memory', `${pulse.rssMb} MiB`);
    act.figure('slowest answer', `${pulse.lagMs} ms`);
  },
};

async function hostCut(act: Act, lab: Lab, bot: Bot): Promise<void> {
  act.after(() => lab.plug('app3', true));
  lab.plug('app3', false);
  const cut = Date.now();
  act.say('app3 is cut off');
  const said = await eventually(
    'a thread about app3',
    async () => (await bot.incidents('open')).find((one) => isAbout(one, 'self.connectivity', 'app3')),
    60_000,
  );
  const seconds = (Date.now() - cut) / 1000;
  act.check(
    `a host cut off is said within ${SAID_S} s`,
    seconds <= SAID_S,
    `${seconds.toFixed(1)} s: ${said.title}`,
  );
  act.figure('host cut to thread', `${seconds.toFixed(1)} s`);
  // Long enough for every other check of its to have opened one of its own.
  await pause(20_000);
  const open = await bot.incidents('open');
  act.check('ONE thread', open.length === 1, open.map(sketch).join('\n'));
  const held = open[0]?.heldBack ?? [];
  act.check(
    'its own symptoms are held back',
    held.some((id) => id.includes('app3')),
    held.join(', '),
  );
  const status = await bot.status();
  const own = findings(status).filter((one) => one.target === 'app3' || one.subject === 'app3');
  act.check(
    'nothing about it is called ok',
    own.length > 0 && own.every((one) => one.level !== 'ok'),
    counted(own),
  );
  const row = status.hosts.find((one) => one.name === 'app3');
  act.check('its row is not ok', row !== undefined && row.level !== 'ok', row?.level);
  act.check('all others are fresh', ...words(await stale(bot, ['app3'])));
  lab.plug('app3', true);
  await healed(act, bot, 'app3 plugged in');
}

async function varnishKilled(act: Act, lab: Lab, bot: Bot): Promise<void> {
  await lab.exec('web1', ['sh', '-c', 'pkill -9 varnishd || true']);
  const killed = Date.now();
  act.say('varnishd is killed');
  const said = await eventually(
    'a thread about Varnish',
    async () => (await bot.incidents('open')).find((one) => JSON.stringify(one.findings).includes('"edge"')),
    60_000,
  );
  const seconds = (Date.now() - killed) / 1000;
  act.check(
    `Varnish gone is said within ${SAID_S} s`,
    seconds <= SAID_S,
    `${seconds.toFixed(1)} s: ${said.title}`,
  );
  act.figure('Varnish killed to thread', `${seconds.toFixed(1)} s`);
  await pause(10_000);
  act.say(sketch(await bot.incident(said.id)));
  const own = findings(await bot.status()).filter((one) => one.target === 'edge');
  act.check(
    'nothing about it is called ok',
    own.length > 0 && own.every((one) => one.level === 'unknown' || one.level === 'critical'),
    counted(own),
  );
  act.check('all others are fresh', ...words(await stale(bot, ['edge'])));
  await lab.startService('web1');
  await healed(act, bot, 'Varnish started again');
}

/** The three answers of a server that went mad; each must cost one unknown finding and nothing else. */
async function badAnswers(act: Act, lab: Lab, bot: Bot, pulse: Pulse): Promise<void> {
  pulse.reset();
  const unknown = async () =>
    findings(await bot.status()).filter(
      (one) => one.target === 'app' && one.subject === 'app2' && one.level === 'unknown',
    );
  for (const { mode, what, says } of BAD) {
    await lab.exec('app2', ['sh', '-c', `echo ${mode} > /run/mode`]);
    const found = await eventually(
      `${what} said`,
      async () => (await unknown()).find((one) => says.test(one.summary)),
      40_000,
    );
    act.check(`${what}: unknown, with the reason`, true, found.summary);
    await pause(8_000);
    act.check('all others are fresh', ...words(await stale(bot, ['app'])));
  }
  act.check(
    `meanwhile it answered within ${MOST_LAG_MS} ms`,
    pulse.lagMs < MOST_LAG_MS && pulse.failed === 0,
    `slowest of ${pulse.beats}: ${pulse.lagMs} ms, ${pulse.failed} failed`,
  );
  await lab.exec('app2', ['rm', '-f', '/run/mode']);
  await eventually(
    'app2 known again',
    async () => ((await unknown()).length === 0 ? true : undefined),
    30_000,
  );
  await healed(act, bot, 'app2 answers again');
}

const BAD = [
  { mode: 'huge', what: '20 MB of JSON', says: /more than|MiB|bytes/i },
  { mode: 'half', what: 'half a JSON', says: /JSON/ },
  { mode: 'silent', what: 'no answer at all', says: /within|in time| ms| s\b/ },
] as const;

async function diskFull(act: Act, lab: Lab, bot: Bot, disk: string): Promise<void> {
  await lab.fault('no-redirect-cache', true);
  const proposal = await eventually('something to approve', async () => (await pending(bot))[0], 90_000, 500);
  act.say(`${proposal.id} ${proposal.title} waits`);
  const free = fill(disk);
  act.after(free);
  const full = Date.now();
  act.say('the disk of the store is full');
  const said = await eventually(
    'self.store said',
    async () => (await bot.incidents('open')).find((one) => isAbout(one, 'self.store')),
    60_000,
  );
  const seconds = (Date.now() - full) / 1000;
  act.check(
    `a full disk is said within ${SAID_S} s`,
    seconds <= SAID_S,
    `${seconds.toFixed(1)} s: ${said.title}`,
  );
  act.figure('disk full to thread', `${seconds.toFixed(1)} s`);

  const refused = await bot.approve(proposal, 'ada');
  act.check(
    'Approve is refused with the reason',
    refused.status === 503 && /full/.test(refused.body.reason ?? ''),
    `${refused.status} ${refused.body.reason ?? ''}`,
  );
  await lab.fault('pinned-core', true, { host: 'db1' });
  const during = await eventually(
    'an incident while nothing can be stored',
    async () => (await bot.incidents('open')).find((one) => isAbout(one, 'host.pinned-core')),
    90_000,
  );
  const stored = open(
    disk,
    (db) => db.prepare('SELECT id, json FROM incidents').all() as { id: number; json: string }[],
  );
  act.check(
    'what happens now is shown, and is in memory only',
    during.messages.length > 0 &&
      !stored.some(({ id, json }) => id === Number(during.id) && json.includes('host.pinned-core@db1')),
    `#${during.id} ${during.title}, ${during.messages.length} messages, ${during.timeline.length} lines`,
  );
  const still = await bot.proposal(proposal.id);
  act.check(
    'nothing was done unjournalled',
    ['pending', 'expired'].includes(still.state) && still.approvals.length === 0,
    still.state,
  );
  act.check('all figures are fresh', ...words(await stale(bot, [])));

  const seen = [await bot.incident(during.id), await bot.incident(said.id)];
  free();
  await lab.fault('pinned-core', false);
  act.say('there is room again');
  const approved = await bot.approve(await bot.proposal(proposal.id), 'ada');
  act.check(
    'Approve works again',
    approved.status === 200,
    `${approved.status} ${approved.body.reason ?? ''}`,
  );
  await lab.fault('no-redirect-cache', false);
  await eventually(
    'self.store good again',
    async () => ((await bot.incident(said.id)).state === 'resolved' ? true : undefined),
    60_000,
  );
  await bot.kill('SIGTERM');
  await nothingLost(act, bot, disk, seen);
}

/** What the API showed is in the store, and a new start shows it. */
async function nothingLost(act: Act, bot: Bot, disk: string, seen: readonly IncidentJson[]): Promise<void> {
  open(disk, (db) => {
    for (const one of seen) {
      const row = db.prepare('SELECT json FROM incidents WHERE id = ?').get(Number(one.id));
      const posts = db.prepare('SELECT id FROM posts WHERE incident = ?').all(Number(one.id)) as {
        id: string;
      }[];
      const lines = db.prepare('SELECT what FROM timeline WHERE incident = ?').all(Number(one.id)) as {
        what: string;
      }[];
      const lost = [
        ...(row ? [] : ['its row']),
        ...one.messages
          .filter(({ id }) => !posts.some((post) => post.id === id))
          .map(({ id }) => `post ${id}`),
        ...one.timeline
          .filter(({ what }) => !lines.some((line) => line.what === what))
          .map(({ what }) => what),
      ];
      const twice = lines.length - new Set(lines.map((line) => line.what)).size;
      act.check(
        `#${one.id} is in the store, whole`,
        lost.length === 0,
        lost.join(', ') || `row, ${posts.length} posts, ${lines.length} lines (${twice} said twice)`,
      );
    }
    const sound = db.pragma('integrity_check', { simple: true });
    act.check('the store is sound', sound === 'ok', String(sound));
  });
  await bot.start();
  const again = await bot.incidents();
  act.check(
    'and is there after a restart',
    seen.every((one) =>
      again.some((other) => other.id === one.id && other.messages.length >= one.messages.length),
    ),
    again.map((one) => `#${one.id} ${one.state}`).join(', '),
  );
}

async function healed(act: Act, bot: Bot, after: string): Promise<void> {
  const begun = Date.now();
  let shown = '';
  await eventually(
    `resolved after ${after}`,
    async () => {
      const open = await bot.incidents('open');
      shown = open.map(sketch).join('\n');
      return open.length === 0 ? true : undefined;
    },
    75_000,
    500,
  ).catch((thrown: unknown) => {
    act.say(shown);
    throw thrown;
  });
  act.check(`resolved after ${after}`, true, `${((Date.now() - begun) / 1000).toFixed(0)} s`);
}

async function quiet(act: Act, bot: Bot, when: string): Promise<void> {
  const open = await bot.incidents('open');
  act.check(`quiet ${when}`, open.length === 0, open.map(sketch).join('\n') || 'no incident');
}

async function pending(bot: Bot): Promise<ProposalJson[]> {
  return (await bot.incidents('open')).flatMap((one) =>
    one.proposals.filter((proposal) => proposal.state === 'pending' && proposal.remediation === 'cache-rule'),
  );
}

function isAbout(incident: IncidentJson, check: string, subject?: string): boolean {
  return incident.findings.some(
    (finding) => finding.check === check && (subject === undefined || finding.subject === subject),
  );
}

function rows(status: StatusJson): readonly ServiceJson[] {
  return [...status.services, ...status.hosts];
}

function findings(status: StatusJson): Finding[] {
  return rows(status).flatMap((row) => row.findings);
}

/** Watched rows whose figures are older than two rounds. */
async function stale(bot: Bot, except: readonly string[]): Promise<string[]> {
  const status = await bot.status();
  return rows(status)
    .filter((row) => row.level !== 'unwatched' && !except.includes(row.name))
    .filter((row) => row.at === null || status.at - row.at > FRESH_S * 1000)
    .map(
      (row) =>
        `${row.name} ${row.at === null ? 'never read' : `${Math.round((status.at - row.at) / 1000)} s old`}`,
    );
}

function words(old: readonly string[]): [boolean, string] {
  return [old.length === 0, old.join(', ') || `none older than ${FRESH_S} s`];
}

function counted(list: readonly Finding[]): string {
  const levels = [...new Set(list.map((one) => one.level))];
  return levels.map((level) => `${list.filter((one) => one.level === level).length} ${level}`).join(', ');
}

/** The bot as something that looks from outside has it: how fast it answers, and how much memory it has. */
class Pulse {
  lagMs = 0;
  beats = 0;
  failed = 0;
  rssMb = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly bot: Bot) {
    this.#timer = setInterval(() => void this.#beat(), 250);
  }

  reset(): void {
    this.lagMs = this.beats = this.failed = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    try {
      const status = readFileSync(`/proc/${this.bot.pid}/status`, 'utf8');
      this.rssMb = Math.max(this.rssMb, Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024));
    } catch {
      return;
    }
    const begun = Date.now();
    await fetch(`${this.bot.url}/api/health`, { signal: AbortSignal.timeout(5_000) }).then(
      () => undefined,
      () => (this.failed += 1),
    );
    this.beats += 1;
    this.lagMs = Math.max(this.lagMs, Date.now() - begun);
  }
}

function open<T>(disk: string, look: (db: Sqlite.Database) => T): T {
  const db = new Sqlite(join(disk, 'warroom.db'), { readonly: true });
  try {
    return look(db);
  } finally {
    db.close();
  }
}

function configOf(lab: Lab, disk: string): string {
  const config = parse(readFileSync(join(lab.root, 'warroom.yaml'), 'utf8')) as {
    store: string;
    services: { app: { stats: string } };
    checks?: Record<string, string>;
  };
  config.store = `sqlite:${join(disk, 'warroom.db')}`;
  config.services.app.stats = `127.0.0.1:${STATS_PORT}`;
  // The load average is that of the machine that carries the lab, and of whatever else runs there.
  config.checks = { ...config.checks, 'host.load': 'off' };
  const file = join(dirname(disk), 'warroom.yaml');
  writeFileSync(file, stringify(config, { lineWidth: 0 }));
  return file;
}

/** Stands before uWSGI's statistics: passes them on, or answers as a server that went mad. */
async function relay(lab: Lab, host: string): Promise<void> {
  const start = 'cat > /run/stats.py && setsid -f python3 /run/stats.py </dev/null >/run/stats.log 2>&1';
  await lab.exec(host, ['sh', '-c', start], { input: RELAY });
}

const RELAY = `
import json, os, socket, threading, time

def real():
    with socket.create_connection(("127.0.0.1", 9191), 3) as there:
        parts = []
        while part := there.recv(65536):
            parts.append(part)
        return b"".join(parts)

def answer(client):
    try:
        mode = open("/run/mode").read().strip() if os.path.exists("/run/mode") else ""
        if mode == "silent":
            time.sleep(60)
        elif mode == "huge":
            client.sendall(b'{"pad":"')
            for _ in range(20):
                client.sendall(b"x" * 1048576)
            client.sendall(b'",' + real().lstrip()[1:])
        elif mode == "half":
            whole = real()
            client.sendall(whole[: len(whole) // 2])
        else:
            client.sendall(real())
    except OSError:
        pass
    finally:
        client.close()

server = socket.create_server(("127.0.0.1", ${STATS_PORT}))
while True:
    client, _ = server.accept()
    threading.Thread(target=answer, args=(client,), daemon=True).start()
`;
