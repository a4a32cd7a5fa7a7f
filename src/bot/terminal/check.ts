import { type Logger, pino } from 'pino';
import type { Finding, Level } from '../../checks/contract.ts';
import { SYSTEMS } from '../../checks/index.ts';
import { milliseconds } from '../../config/schema.ts';
import type { Wish } from '../../diagnosis/contract.ts';
import { CAUSES, diagnose } from '../../diagnosis/index.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import { HealthBoard } from '../../health/health.ts';
import { History } from '../../history/history.ts';
import { SHAPES } from '../../message/plain.ts';
import { REMEDIATIONS } from '../../remediations/index.ts';
import { prober } from '../../schedule/prober.ts';
import { Watcher } from '../../schedule/watcher.ts';
import { openTargets } from '../../targets/targets.ts';
import { EXIT } from './exit.ts';
import { openConfig } from './open-config.ts';

export interface CheckOptions {
  readonly config?: string;
  readonly only?: readonly string[];
  readonly sample: string;
  readonly json: boolean;
}

/** `warroom check`: two samples, no hysteresis, no store, no chat. */
export async function check(options: CheckOptions): Promise<void> {
  const { findings } = await sampled(options, async ({ watcher }) => watcher.findings());
  for (const finding of findings) {
    const [shape] = SHAPES[finding.level];
    process.stdout.write(
      options.json
        ? `${JSON.stringify(line(finding))}\n`
        : `${shape} ${finding.check}@${finding.target}${finding.subject ? `/${finding.subject}` : ''}  ${finding.summary}\n`,
    );
  }
  process.exitCode = exitOf(findings.map((finding) => finding.level));
}

/** `warroom diagnose`: the same with probes and causes, best first. */
export async function diagnoseOnce(options: CheckOptions): Promise<void> {
  const { findings, value: causes } = await sampled(options, async ({ watcher, ask, stack, log }) =>
    diagnose(CAUSES, { seen: watcher, stack, at: Date.now() }, ask, log),
  );
  if (options.json) {
    const json = causes.map(({ cause, target, confidence, summary, covers, evidence, proposals }) => ({
      id: cause,
      target,
      confidence,
      summary,
      covers,
      evidence,
      proposals: proposals.map(withRisk),
    }));
    process.stdout.write(`${JSON.stringify({ findings: findings.map(line), causes: json })}\n`);
  } else {
    if (causes.length === 0) process.stdout.write('No cause is at work that Warroom knows.\n');
    for (const cause of causes)
      process.stdout.write(
        `${cause.title} (${cause.confidence})\n  ${cause.summary}\n${cause.proposals.map((wish) => `  would propose: ${wish.remediation} ${JSON.stringify(wish.params)}\n`).join('')}`,
      );
  }
  process.exitCode = exitOf(findings.map((finding) => finding.level));
}

interface Sampled {
  readonly watcher: Watcher;
  readonly ask: ReturnType<typeof prober>;
  readonly stack: ReturnType<typeof openConfig>['loaded']['stack'];
  readonly log: Logger;
}

async function sampled<T>(
  options: CheckOptions,
  work: (parts: Sampled) => Promise<T>,
): Promise<{ findings: Finding[]; value: T }> {
  const sampleMs = milliseconds(options.sample);
  if (!(sampleMs >= 500 && sampleMs <= 60_000))
    throw new WarroomError('BAD_ARGUMENT', { command: 'check', problem: '--sample takes 500ms to 60s.' });
  const { loaded } = openConfig(options.config);
  const { stack, config } = loaded;
  const log: Logger = pino({ level: 'silent' });
  const only = options.only?.flatMap((ids) => ids.split(','));
  const systems = SYSTEMS.map((system) =>
    only
      ? {
          ...system,
          checks: system.checks.filter((one) => only.includes(one.id) || only.includes(system.id)),
        }
      : system,
  ).filter((system) => system.checks.length > 0);
  if (systems.length === 0)
    throw new WarroomError('NOT_FOUND', {
      kind: 'check',
      id: only?.join(', ') ?? '',
      hint: 'docs/checks lists them.',
    });
  const health = new HealthBoard();
  const targets = openTargets(stack, loaded.secret, (target) =>
    health.report({
      part: `host:${target.host}`,
      state: target.state === 'unreachable' ? 'down' : 'ok',
      what: target.problem ?? '',
    }),
  );
  const watcher = new Watcher({
    systems,
    stack,
    config: () => config,
    targets,
    history: new History(),
    health,
    log,
    now: Date.now,
  });
  try {
    // Second 0 is due for every interval.
    await watcher.tick(0);
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
    await watcher.tick(0);
    const value = await work({ watcher, ask: prober(watcher, targets), stack, log });
    return { findings: watcher.findings(), value };
  } finally {
    await targets.close();
  }
}

function withRisk(wish: Wish) {
  const remediation = REMEDIATIONS.find((one) => one.id === wish.remediation);
  return {
    remediation: wish.remediation,
    params: wish.params,
    risk: remediation?.risk ?? null,
    ...(wish.withheld === undefined ? {} : { withheld: wish.withheld }),
  };
}

/** Without what only hysteresis needs: `check` has none. */
function line({ cleared: _cleared, ...shown }: Finding) {
  return shown;
}

/** The worst of critical > unknown > warn. */
function exitOf(levels: readonly Level[]): number {
  if (levels.includes('critical')) return EXIT.critical;
  if (levels.includes('unknown')) return EXIT.unknown;
  return levels.includes('warn') ? EXIT.warn : EXIT.ok;
}
