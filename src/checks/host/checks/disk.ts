import { z } from 'zod';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { percent, thin } from '../evidence.ts';
import type { Disk, HostFacts } from '../facts.ts';

const DiskLimits = z.strictObject({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Of space or inodes; what stock alerts elsewhere start from.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.98)
    .describe('Of space or inodes; the next log line may be the last.'),
  clear: z
    .number()
    .min(0)
    .max(1)
    .default(0.88)
    .describe('A little under the limit, so that it does not flap.'),
});

export const disk = defineCheck<HostFacts, z.infer<typeof DiskLimits>>({
  id: 'host.disk',
  question: 'Is there disk space left?',
  thresholds: DiskLimits,
  needs: ['disks'],
  falseAlarm:
    'A disk that is filled on purpose (a cache file, a database with its size fixed): raise the limit on that host.',
  judge({ instances, thresholds }) {
    return instances.flatMap((view): Verdict[] => {
      const disks = view.facts.disks;
      if (!disks) return [thin('Disks were not read yet.')];
      const fullest = [...disks].sort((a, b) => fullness(b) - fullness(a));
      const first = fullest[0];
      if (!first) return [{ level: 'ok', summary: 'No local disk to fill.' }];
      const verdicts = fullest
        .filter((one) => fullness(one) > thresholds.clear)
        .map((one) => verdict(one, thresholds, fullest));
      if (verdicts.some((one) => one.level !== 'ok')) return verdicts;
      return [
        ...verdicts,
        {
          level: 'ok',
          summary: `${first.mount} is the fullest disk with ${percent(fullness(first))} (limit ${percent(thresholds.warn)}).`,
          value: fullness(first),
          unit: 'share',
          threshold: thresholds.warn,
        },
      ];
    });
  },
});

function fullness(one: Disk): number {
  return Math.max(one.usedShare, one.inodesUsedShare ?? 0);
}

function verdict(one: Disk, limits: z.infer<typeof DiskLimits>, all: readonly Disk[]): Verdict {
  const value = fullness(one);
  const { level, cleared, threshold } = grade(value, limits, 'above');
  const what = one.inodesUsedShare !== undefined && one.inodesUsedShare > one.usedShare ? 'inodes' : 'space';
  const left = what === 'space' ? `, ${(one.availableBytes / 1e9).toFixed(1)} GB left` : '';
  return {
    subject: one.mount,
    level,
    cleared,
    // A full disk does not need a second look.
    certain: level === 'critical',
    summary: `${one.mount} has ${percent(value)} of its ${what} used (limit ${percent(threshold)})${left}.`,
    value,
    unit: 'share',
    threshold,
    evidence: level === 'ok' ? [] : [table(all)],
    ...(level === 'ok'
      ? {}
      : {
          advice:
            what === 'space'
              ? `Find what grew: du -xh ${one.mount} | sort -h | tail. Logs and old releases are the usual ones.`
              : `Find the many small files: du -x --inodes ${one.mount} | sort -n | tail. Sessions and caches are the usual ones.`,
        }),
  };
}

function table(disks: readonly Disk[]): Evidence {
  return {
    kind: 'table',
    title: 'Disks',
    columns: [
      { name: 'mount' },
      { name: 'used', unit: 'share' },
      { name: 'inodes', unit: 'share' },
      { name: 'left', unit: 'B' },
    ],
    rows: disks
      .slice(0, 8)
      .map((one) => [one.mount, one.usedShare, one.inodesUsedShare ?? null, one.availableBytes]),
  };
}
