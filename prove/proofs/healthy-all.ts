import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { downLab, type Lab, labPossible, upLab } from '../../lab/index.ts';
import { LIMITS } from '../../lab/limits.ts';
import type { Finding } from '../../src/checks/contract.ts';
import { type Bot, botFor } from '../bot.ts';
import { type Act, eventually, Failed, type Proof, pause } from '../proof.ts';

const WANTED_S = 1800;
const PIECE_S = 365;
const SETTLES_MS = 15_000;
/** Of the cores: so much the visitors take themselves. */
const AT_REST = 0.6;
const STATE_FILE = join('node_modules', '.cache', 'warroom-proof', 'healthy-all.json');

interface Tally {
  /** Watched so far without anything wrong. */
  readonly seconds: number;
  /** What was watched with: other code begins anew. */
  readonly build: string;
}

/** Half an hour in pieces: each run watches some minutes more, and the tally is kept beside the caches of this clone. */
export const healthyAll: Proof = {
  name: 'healthy-all',
  shows:
    'half an hour of healthy traffic over every system raises no incident; in pieces, run it until it says 30 of 30',
  seconds: 479,
  run: async (act) => {
    const lab = await wholeLab(act);
    await settled(act);
    const bot = await botFor(act, lab.root);
    const { seen, moments } = await watch(lab, bot);
    let fine = true;
    const must: Act['check'] = (what, holds, figure) => {
      fine &&= holds;
      act.check(what, holds, figure);
    };
    must('no incident', seen.length === 0, seen.join('; ') || 'none');
    const status = await bot.status();
    must(
      'no unknown',
      status.counts.unknown === 0,
      `${status.counts.ok} ok, ${status.counts.warn} warn, ${status.counts.critical} critical, ${status.counts.unknown} unknown`,
    );
    for (const [id, summary] of moments) act.say(`for a moment: ${id} ${summary}`);
    const report = lab.report();
    must(
      'visitors are served',
      (report?.failed ?? 1) === 0,
      `p95 ${report?.p95} ms, ${report?.failed} failed`,
    );
    await checkOnce(must, lab);
    const seconds = add(fine);
    act.figure('watched', `${Math.min(30, Math.round(seconds / 60))} of 30 minutes`);
    act.figure('p95', `${report?.p95} ms`);
  },
};

async function wholeLab(act: Act): Promise<Lab> {
  const possible = labPossible();
  if (!possible.possible) throw new Failed(`the lab cannot run here: ${possible.reason}`);
  const root = act.folder();
  act.after(() => downLab(root, { keep: true }));
  const lab = await upLab({ root, say: act.say });
  await lab.traffic(LIMITS.rate, 900);
  await eventually('a warm cache', () => ((lab.report()?.hitShare ?? 0) > 0.8 ? true : undefined), 60_000);
  act.say('the whole lab is up under healthy traffic');
  return lab;
}

/** Bringing up the lab is work for this machine, whose load average tells of it late, and for a while. */
async function settled(act: Act): Promise<void> {
  await pause(SETTLES_MS);
  const until = Date.now() + 2 * SETTLES_MS;
  while (load() > AT_REST && Date.now() < until) await pause(1_000);
  act.say(`the machine has settled: load ${load().toFixed(2)} a core`);
}

/** `warroom check` as other programs call it: every finding of every system, none critical, none unknown. */
async function checkOnce(must: Act['check'], lab: Lab): Promise<void> {
  const args = [
    'dist/main.js',
    'check',
    '--config',
    join(lab.root, 'warroom.yaml'),
    '--sample',
    '5s',
    '--json',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const findings = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding);
  const bad = findings.filter(({ level }) => level === 'critical' || level === 'unknown');
  const checks = new Set(findings.map(({ check }) => check));
  must(
    '`check` finds nothing critical and nothing unknown',
    bad.length === 0 && findings.length > 0 && (code === 0 || code === 1),
    bad.map(({ check, target, summary }) => `${check}@${target} ${summary}`).join('; ') ||
      `${checks.size} checks, ${findings.length} findings, exit ${code}`,
  );
}

/**
 * The load average is this machine's, on which all hosts, visitors and the proof itself run. That one was told as too
 * high is no false alarm where the machine's own figure says the same; it is said, and is no incident of the site.
 */
async function watch(lab: Lab, bot: Bot): Promise<{ seen: string[]; moments: Map<string, string> }> {
  const until = Date.now() + PIECE_S * 1000;
  const seen = new Map<string, string>();
  const moments = new Map<string, string>();
  let most = 0;
  while (Date.now() < until) {
    await pause(5_000);
    most = Math.max(most, load());
    for (const { id, title, level } of await bot.incidents()) {
      const own = (await bot.incident(id)).findings.every(({ check }) => check === 'host.load');
      if (own && most > 1)
        moments.set(`incident ${id}`, `${title}: this machine's load, ${most.toFixed(2)} a core`);
      else seen.set(id, `${title} (${level})`);
    }
    for (const { check, target, subject, level, summary } of await bot.findings())
      if (level !== 'ok')
        moments.set(`${check}@${target}${subject ? `/${subject}` : ''}`, `${level}: ${summary}`);
  }
  if (!lab.report()) throw new Failed('there was no traffic');
  return { seen: [...seen.values()], moments };
}

/** Of this machine, for each of its cores. */
function load(): number {
  return (loadavg()[0] ?? 0) / availableParallelism();
}

/** Adds this piece and gives the seconds so far; one that went wrong ends the row, and the half hour begins anew. */
function add(fine: boolean): number {
  const build = buildOf('dist');
  const before: Tally = existsSync(STATE_FILE)
    ? (JSON.parse(readFileSync(STATE_FILE, 'utf8')) as Tally)
    : { seconds: 0, build };
  const goesOn = before.build === build && before.seconds < WANTED_S;
  const tally: Tally = { seconds: fine ? (goesOn ? before.seconds : 0) + PIECE_S : 0, build };
  mkdirSync(dirname(STATE_FILE), { recursive: true });
  writeFileSync(STATE_FILE, JSON.stringify(tally));
  return tally.seconds;
}

function buildOf(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) hash.update(entry.name).update(readFileSync(join(entry.parentPath, entry.name)));
  return hash.digest('hex');
}
