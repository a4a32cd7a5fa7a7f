import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import ts from 'typescript';
import { stringify } from 'yaml';
import type { Finding } from '../../src/checks/contract.ts';
import { type Act, eventually, Failed } from '../proof.ts';
import { type ChatStage, PEOPLE } from './stage.ts';

const RIGHTS = {
  ada: ['see', 'operate', 'approve'],
  ben: ['see', 'operate', 'approve'],
  otto: ['see', 'operate'],
};

/** A post as the store has it, with how far a platform got with it. */
export interface StoredPost {
  readonly id: string;
  readonly incident: number | null;
  readonly role: string;
  readonly version: number;
  readonly at: number;
  readonly json: string;
}

/** A bot that watches nothing by itself: what happens is played to it. Its platforms and its store are real. */
export class Rehearsal {
  #child: ChildProcess | undefined;
  readonly store: string;
  readonly #config: string;
  readonly #log: string;

  constructor(
    readonly folder: string,
    private readonly stages: readonly ChatStage[],
    /** Services to play findings of; nothing of them is read. */
    services: readonly string[],
    more: object = {},
  ) {
    this.store = join(folder, 'warroom.db');
    this.#log = join(folder, 'bot.log');
    this.#config = join(folder, 'warroom.yaml');
    const people = Object.fromEntries(
      PEOPLE.filter((name) => name in RIGHTS).map((name) => [
        name,
        {
          ...{ console: name, may: RIGHTS[name as keyof typeof RIGHTS] },
          ...Object.fromEntries(stages.map((stage) => [stage.platform, stage.ids[name]])),
        },
      ]),
    );
    const config = {
      launch: { name: 'Shop relaunch' },
      hosts: {},
      services: Object.fromEntries(services.map((name) => [name, { kind: 'memcached' }])),
      chat: Object.fromEntries(stages.map((stage) => [stage.platform, stage.settings])),
      console: { listen: '127.0.0.1:0' },
      people,
      store: `sqlite:${this.store}`,
      ...more,
    };
    writeFileSync(this.#config, stringify(config, { lineWidth: 0 }));
  }

  async start(deadlineMs = 30_000): Promise<void> {
    const log = openSync(this.#log, 'a');
    const child = spawn(process.execPath, [rehearsedBot(), this.#config], {
      stdio: ['pipe', 'pipe', log],
      env: Object.assign({ ...process.env }, ...this.stages.map((stage) => stage.env)),
    });
    this.#child = child;
    // A line that comes too late for a killed process is lost with it.
    child.stdin?.on('error', () => undefined);
    let said = '';
    child.stdout?.on('data', (data: Buffer) => {
      said += data.toString('utf8');
    });
    await eventually(
      'the rehearsed bot',
      () => {
        if (child.exitCode !== null)
          throw new Failed(`the bot ended with ${child.exitCode}: ${this.log().slice(-1500)}`);
        // Killed on purpose while it started.
        return said.includes('READY') || child.signalCode !== null ? true : undefined;
      },
      deadlineMs,
      10,
    );
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Plays the findings of one check at one target. */
  take(check: string, target: string, findings: readonly Partial<Finding>[]): void {
    const whole = findings.map((finding) => ({
      ...{ check, target, level: 'ok', certain: false, basis: 'enough', summary: 'well', evidence: [] },
      ...finding,
    }));
    this.#child?.stdin?.write(`${JSON.stringify({ at: Date.now(), check, target, findings: whole })}\n`);
  }

  /** At once, without waiting for its end. */
  strike(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Resolves when it has ended; at the deadline it is ended. */
  async gone(deadlineMs: number): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  /** Reads the store beside the bot. */
  read<T>(sql: string, ...values: readonly unknown[]): T[] {
    const db = new Database(this.store, { readonly: true, fileMustExist: true });
    try {
      return db.prepare(sql).all(...values) as T[];
    } finally {
      db.close();
    }
  }

  posts(): StoredPost[] {
    return this.read<StoredPost>('select id, incident, role, version, at, json from posts order by at, id');
  }

  /** Rows of the outbox that are not sent yet. */
  waiting(): number {
    return (
      this.read<{ n: number }>(
        "select count(*) as n from outbox where state in ('queued', 'sending', 'uncertain')",
      )[0]?.n ?? 0
    );
  }
}

/** Beside the build, as plain JavaScript: a hundred starts must not each wait for a compiler. */
function rehearsedBot(): string {
  const built = join('dist', 'rehearsed-bot.js');
  const source = readFileSync(join('prove', 'chat', 'rehearsed-bot.ts'), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  if (!existsSync(built) || readFileSync(built, 'utf8') !== outputText) writeFileSync(built, outputText);
  return built;
}

/** A rehearsal that is ended with the proof. */
export function rehearsal(
  act: Act,
  stages: readonly ChatStage[],
  services: readonly string[],
  more: object = {},
): Rehearsal {
  const bot = new Rehearsal(act.folder(), stages, services, more);
  act.after(() => bot.kill());
  act.lastWords(
    () =>
      `the bot's log ends:\n${bot
        .log()
        .split('\n')
        .slice(-15)
        .map((line) => line.slice(0, 500))
        .join('\n')}`,
  );
  return bot;
}
