import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { IncidentJson, ProposalJson, StatusJson } from '../src/bot/contract.ts';
import type { Finding } from '../src/checks/contract.ts';
import { type Act, eventually, Failed } from './proof.ts';

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** A running bot, as its users and other programs meet it: its process and its API. */
export class Bot {
  #child: ChildProcess | undefined;

  constructor(
    readonly config: string,
    readonly url: string,
    private readonly tokens: Readonly<Record<string, string>>,
    private readonly logFile: string,
    private readonly env: NodeJS.ProcessEnv = {},
  ) {}

  async start(): Promise<void> {
    const log = openSync(this.logFile, 'a');
    const child = spawn(process.execPath, ['dist/main.js', 'start', '--config', this.config], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...this.env },
    });
    this.#child = child;
    if (await this.#answers()) throw new Failed(`something else already answers at ${this.url}`);
    await eventually(
      'the console to answer',
      async () => {
        if (child.exitCode !== null)
          throw new Failed(`the bot ended with ${child.exitCode}: ${this.log().slice(-1500)}`);
        return (await this.#answers()) ? true : undefined;
      },
      30_000,
      100,
    );
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return ended;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Resolves when the process ended by itself. */
  ended(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => child.once('exit', () => resolve()));
  }

  async get<T>(path: string, who = 'ada'): Promise<Answer<T>> {
    return this.#ask<T>('GET', path, who);
  }

  async post<T>(path: string, body: object, who: string): Promise<Answer<T>> {
    return this.#ask<T>('POST', path, who, body);
  }

  async status(): Promise<StatusJson> {
    return (await this.get<StatusJson>('/api/status')).body;
  }

  async findings(): Promise<readonly Finding[]> {
    return (await this.get<readonly Finding[]>('/api/findings')).body;
  }

  async incidents(state?: string): Promise<readonly IncidentJson[]> {
    const { body } = await this.get<readonly IncidentJson[] | { incidents: readonly IncidentJson[] }>(
      `/api/incidents${state ? `?state=${state}` : ''}`,
    );
    return 'incidents' in body ? body.incidents : body;
  }

  async incident(id: string): Promise<IncidentJson> {
    return (await this.get<IncidentJson>(`/api/incidents/${id}`)).body;
  }

  async proposal(id: string): Promise<ProposalJson> {
    const incident = await this.incident(id.split('-')[0] as string);
    const found = incident.proposals.find((proposal) => proposal.id === id);
    if (!found) throw new Failed(`there is no proposal ${id}`);
    return found;
  }

  approve(proposal: ProposalJson, who: string): Promise<Answer<{ reason?: string }>> {
    return this.post(`/api/proposals/${proposal.id}/approve`, { planHash: proposal.planHash }, who);
  }

  #answers(): Promise<boolean> {
    return fetch(`${this.url}/api/health`, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false,
    );
  }

  async #ask<T>(method: string, path: string, who: string, body?: object): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.tokens[who] ?? ''}`,
        ...(body ? { 'Content-Type': 'application/json' } : {}),
      },
      signal: AbortSignal.timeout(60_000),
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as T };
  }
}

/** A bot for a lab's own config; it is ended with the proof. */
export async function botFor(
  act: Act,
  root: string,
  config = join(root, 'warroom.yaml'),
  env: NodeJS.ProcessEnv = {},
): Promise<Bot> {
  const { console } = parse(readFileSync(config, 'utf8')) as { console: { publicUrl: string } };
  const tokens = JSON.parse(readFileSync(join(root, 'tokens.json'), 'utf8')) as Record<string, string>;
  const bot = new Bot(config, console.publicUrl, tokens, join(root, 'bot.log'), env);
  act.after(() => bot.kill('SIGKILL'));
  act.lastWords(
    () =>
      `the bot's log ends:\n${bot
        .log()
        .split('\n')
        .slice(-12)
        .map((line) => line.slice(0, 600))
        .join('\n')}`,
  );
  await bot.start();
  return bot;
}

/** All words of a thread's head, as one text. */
export function headText(incident: IncidentJson): string {
  return JSON.stringify(incident.messages.find((message) => message.role === 'head')?.message ?? {});
}

/** An incident in a few lines, for when it did not become what it should. */
export function sketch(incident: IncidentJson): string {
  const findings = incident.findings.map(
    (finding) =>
      `${finding.check}@${finding.target}${finding.subject ? `/${finding.subject}` : ''} ${finding.level}${finding.cleared ? ' cleared' : ''} ${finding.basis}: ${finding.summary}`,
  );
  return `#${incident.id} ${incident.state} ${incident.title}\n    ${[...findings, `holds back ${incident.heldBack.join(', ')}`].join('\n    ')}`;
}
