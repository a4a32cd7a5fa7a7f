import { z } from 'zod';
import { defineCheck, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { megabytes, memoryTable, processSubject, thin } from '../evidence.ts';
import type { HostFacts, HostProcess } from '../facts.ts';
import { memoryOf } from '../measure.ts';

const PythonMemory = z.strictObject({
  warn: z
    .number()
    .positive()
    .default(300_000_000)
    .describe('Bytes; the rule of a launch: 300 MB for one process.'),
  critical: z.number().positive().default(1_000_000_000).describe('Bytes; a few of these fill a server.'),
  clear: z
    .number()
    .positive()
    .default(280_000_000)
    .describe('Bytes; a little under the limit, so that it does not flap.'),
});

const MOST = 8;

export const pythonMemory = defineCheck<HostFacts, z.infer<typeof PythonMemory>>({
  id: 'host.python-memory',
  question: 'Does a Python process use over 300 MB?',
  thresholds: PythonMemory,
  needs: ['processes'],
  falseAlarm:
    'Where Warroom may not read PSS, forked workers count what they share with their parent: give the reading account the same user, or judge their sum.',
  judge({ instances, thresholds }) {
    return instances.flatMap((view): Verdict[] => {
      const all = view.facts.processes;
      if (!all) return [thin('No process list yet.')];
      const python = all.filter((one) => one.python).sort((a, b) => memoryOf(b) - memoryOf(a));
      const first = python[0];
      if (!first) return [{ level: 'ok', summary: 'No Python process runs here.' }];
      const near = python.filter((one) => memoryOf(one) > thresholds.clear).slice(0, MOST);
      const verdicts = near.map((one) => verdict(one, thresholds, python));
      if (verdicts.some((one) => one.level !== 'ok')) return verdicts;
      const said = `${python.length} Python processes, the biggest ${first.name} with ${amount(first)} (limit ${megabytes(thresholds.warn)}).`;
      return [
        ...verdicts,
        { level: 'ok', summary: said, value: memoryOf(first), unit: 'B', threshold: thresholds.warn },
      ];
    });
  },
});

function verdict(
  process: HostProcess,
  limits: z.infer<typeof PythonMemory>,
  all: readonly HostProcess[],
): Verdict {
  const value = memoryOf(process);
  const { level, cleared, threshold } = grade(value, limits, 'above');
  return {
    subject: processSubject(process),
    level,
    cleared,
    summary: `${process.name} (process ${process.pid}) uses ${amount(process)} (limit ${megabytes(threshold)}).`,
    value,
    unit: 'B',
    threshold,
    evidence: level === 'ok' ? [] : [memoryTable('Python processes', all.slice(0, MOST))],
    ...(level === 'ok'
      ? {}
      : {
          advice: 'Profile what it keeps; until then recycle workers (uWSGI: max-requests, reload-on-rss).',
        }),
  };
}

function amount(process: HostProcess): string {
  return process.pssBytes === undefined
    ? `${megabytes(process.residentBytes)} resident, shared pages counted`
    : `${megabytes(process.pssBytes)} of its own (PSS)`;
}
