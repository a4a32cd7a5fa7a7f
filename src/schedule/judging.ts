import type {
  Check,
  Finding,
  InstanceView,
  JudgeInput,
  Level,
  Reading,
  Verdict,
} from '../checks/contract.ts';
import type { Config } from '../config/schema.ts';
import { reason, sentence } from '../errors/catalogue.ts';

/** Thresholds of a check for a target: its defaults, then `checks.ID`, then `checks.ID@TARGET`. `off` = not judged. */
export function thresholdsFor<F, T>(check: Check<F, T>, target: string, config: Config): T | 'off' {
  const general = config.checks[check.id];
  const special = config.checks[`${check.id}@${target}`];
  if (special === 'off' || (general === 'off' && special === undefined)) return 'off';
  return check.thresholds.parse({
    ...(typeof general === 'object' ? general : {}),
    ...(typeof special === 'object' ? special : {}),
  });
}

/** Runs a judge; one that throws is a bug of ours, shown as unknown and never as ok. */
export function judged<F, T>(check: Check<F, T>, input: JudgeInput<F, T>): Finding[] {
  try {
    return check.judge(input).map((verdict) => toFinding(check.id, input.target, verdict));
  } catch (thrown) {
    const summary = sentence('INTERNAL', { doing: `judging ${check.id}`, problem: reason(thrown) });
    return [unknownFinding(check.id, input.target, summary)];
  }
}

function toFinding(check: string, target: string, verdict: Verdict): Finding {
  return {
    cleared: verdict.level === 'ok',
    certain: false,
    basis: 'enough',
    evidence: [],
    ...verdict,
    check,
    target,
  };
}

export function unknownFinding(
  check: string,
  target: string,
  summary: string,
  subject?: string,
  advice?: string,
): Finding {
  return {
    check,
    target,
    level: 'unknown',
    cleared: false,
    certain: false,
    basis: 'enough',
    summary,
    evidence: [],
    ...(subject === undefined ? {} : { subject }),
    ...(advice === undefined ? {} : { advice }),
  };
}

export function instanceView(
  instance: string,
  at: number,
  readings: readonly Reading[],
  facts: object,
): InstanceView<object> {
  const wanted = (labels: Readonly<Record<string, string>> | undefined) =>
    JSON.stringify(Object.entries(labels ?? {}).sort());
  return {
    instance,
    at,
    readings,
    facts,
    value: (metric, labels) => {
      const key = wanted(labels);
      return readings.find((reading) => reading.metric === metric && wanted(reading.labels) === key)?.value;
    },
    all: (metric) => readings.filter((reading) => reading.metric === metric),
  };
}

const ORDER: readonly Level[] = ['ok', 'warn', 'unknown', 'critical'];
export function worst(levels: Iterable<Level>): Level {
  let found: Level = 'ok';
  for (const level of levels) if (ORDER.indexOf(level) > ORDER.indexOf(found)) found = level;
  return found;
}
