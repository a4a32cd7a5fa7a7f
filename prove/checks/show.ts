import { spawnSync } from 'node:child_process';
import type { Lab } from '../../lab/index.ts';
import type { Finding } from '../../src/checks/contract.ts';
import type { Bot } from '../bot.ts';
import { type Act, pause } from '../proof.ts';
import type { Awaited, LabRow, OwnRow, OwnStage, Row, Shown, Switch, TestRow } from './row.ts';

const FIRES_S = 60;
const CLEARS_S = 90;
/** What another row left in a window of a minute is gone by then. */
const QUIET_S = 75;
const FIGURE_S = 25;
const LOOK_MS = 1000;
const TEST_MS = 120_000;

export function isLabRow(row: Row): row is LabRow {
  return 'parts' in row;
}

export function isOwnRow(row: Row): row is OwnRow {
  return 'stage' in row;
}

/** One row on the lab and its bot. */
export async function showOnLab(row: LabRow, lab: Lab, bot: Bot): Promise<Shown> {
  await row.beside?.(lab);
  const figure = (finding: Finding) => row.figure(lab, finding, bot);
  return bothWays(row, { bot, fault: faultOf(row, lab), figure });
}

/** One row on a bot of its own, which is gone with it; where the proof is cut short, with the proof. */
export async function showOnItsOwn(row: OwnRow, act: Act): Promise<Shown> {
  const steps: (() => Promise<unknown> | unknown)[] = [];
  const undo = async () => {
    for (let step = steps.pop(); step; step = steps.pop()) await step();
  };
  act.after(undo);
  try {
    return await bothWays(row, await row.stage({ ...act, after: (step) => steps.push(step) }));
  } finally {
    await undo();
  }
}

/** Quiet, then the fault, then quiet again. */
async function bothWays(row: Awaited, { bot, fault, figure }: OwnStage): Promise<Shown> {
  const seen: string[] = [];
  const bad = (findings: readonly Finding[]) =>
    findings.find((one) => isBad(one) && (row.mine?.(one) ?? true));
  const quiet = await within(row.quietWithin ?? QUIET_S, async () => {
    const findings = await of(row.check, bot);
    return judged(findings, row) && !bad(findings) && findings.every((one) => one.level !== 'unknown');
  });
  if (!quiet) seen.push(`before: ${(await of(row.check, bot)).map((one) => one.summary).join(' ')}`);
  let fires = false;
  let right = false;
  let evidence = false;
  try {
    await fault.on();
    let last: Finding | undefined;
    fires = await within(row.firesWithin ?? FIRES_S, async () => {
      last = bad(await of(row.check, bot)) ?? last;
      return last !== undefined;
    });
    let compared = last;
    let says = '';
    if (fires) {
      right = await within(row.figureWithin ?? FIGURE_S, async () => {
        last = bad(await of(row.check, bot)) ?? last;
        const told = await figure(last as Finding);
        compared = told.finding ?? last;
        says = told.says;
        return told.right;
      });
      evidence = await within(FIGURE_S, async () => {
        last = bad(await of(row.check, bot)) ?? last;
        const text = JSON.stringify([last?.subject, last?.summary, last?.evidence, last?.advice]);
        return last?.advice !== undefined && row.evidence.every((word) => word.test(text));
      });
      if (!evidence) seen.push(`evidence: ${JSON.stringify([last?.evidence, last?.advice]).slice(0, 600)}`);
    }
    seen.push(
      `${compared ? `${compared.level}: ${compared.summary}` : 'no finding'}${says ? ` Native: ${says}` : ''}`,
    );
  } finally {
    await fault.off();
  }
  const clears = await within(row.clearsWithin ?? CLEARS_S, async () => {
    const findings = await of(row.check, bot);
    return judged(findings, row) && findings.every((one) => one.level === 'ok' && one.cleared);
  });
  if (!clears)
    seen.push(
      `after: ${(await of(row.check, bot))
        .filter((one) => !one.cleared)
        .map((one) => one.summary)
        .join(' ')}`,
    );
  return {
    check: row.check,
    fault: fault.name,
    columns: { fires, 'figure right': right, evidence, quiet, clears },
    seen: seen.join(' · '),
    at: new Date().toISOString(),
  };
}

/** One row by its test, whose names begin with the column that they show. */
export function showByTest(row: TestRow): Shown {
  const done = spawnSync('npx', ['vitest', 'run', row.test, '-t', row.named, '--reporter=json', '--silent'], {
    encoding: 'utf8',
    timeout: TEST_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const report = readReport(done.stdout);
  const held = done.status === 0 && report.numPassedTests > 0;
  return {
    check: row.check,
    fault: `${row.test}: "${row.named}"`,
    columns: { fires: held, 'figure right': held, evidence: held, quiet: held, clears: held },
    seen: `${report.numPassedTests} tests passed. By tests, because ${row.because}`,
    at: new Date().toISOString(),
  };
}

function readReport(text: string): { numPassedTests: number } {
  try {
    return JSON.parse(text.slice(text.indexOf('{'))) as { numPassedTests: number };
  } catch {
    return { numPassedTests: 0 };
  }
}

function faultOf(row: LabRow, lab: Lab): Switch {
  const { fault } = row;
  const host = row.host === undefined ? {} : { host: row.host };
  return typeof fault === 'string'
    ? { name: fault, on: () => lab.fault(fault, true, host), off: () => lab.fault(fault, false, host) }
    : { name: fault.name, on: () => fault.on(lab), off: () => fault.off(lab) };
}

/** Where all that is said rests on too little traffic, nothing was seen to be well. */
function judged(findings: readonly Finding[], { unaskedWithout }: Awaited): boolean {
  return findings.length > 0 && (unaskedWithout || findings.some(({ basis }) => basis === 'enough'));
}

function isBad({ level }: Finding): boolean {
  return level === 'warn' || level === 'critical';
}

async function of(check: string, bot: Bot): Promise<readonly Finding[]> {
  return (await bot.findings()).filter((finding) => finding.check === check);
}

async function within(seconds: number, holds: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (await holds()) return true;
    if (Date.now() > end) return false;
    await pause(LOOK_MS);
  }
}
