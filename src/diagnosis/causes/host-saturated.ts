import { defineCause } from '../contract.ts';
import { bad, wouldCover } from '../findings.ts';

const SIGNS = ['host.pinned-core', 'host.swap', 'host.iowait', 'host.load'];
const WORDS: Readonly<Record<string, string>> = {
  'host.pinned-core': 'one process holds a core',
  'host.swap': 'it is swapping',
  'host.iowait': 'it waits for its disks',
  'host.load': 'more runs than it has cores for',
};

/** A host that is itself the bottleneck. Load alone, with nothing that names who makes it, is only a hint. */
export const hostSaturated = defineCause({
  id: 'host-saturated',
  question: 'Is one host itself the bottleneck (swap, disks, a process that holds a core)?',
  suspects: (context) =>
    [...new Set(bad(context, SIGNS).map((finding) => finding.target))].map((target) => ({ target })),
  explain: ({ target }, context) => {
    const found = bad(context, SIGNS, target);
    const named = found.filter((finding) => finding.check !== 'host.load');
    if (found.length === 0) return undefined;
    const checks = [...new Set(found.map((finding) => finding.check))];
    return {
      cause: 'host-saturated',
      target,
      confidence: named.length > 0 ? 'likely' : 'not sure',
      score: named.length > 0 ? 0.45 : 0.2,
      title: `${target}: ${checks.map((check) => WORDS[check] ?? check).join(', ')}`,
      summary: found.map((finding) => finding.summary).join(' '),
      ruledOut: [],
      ...(named.length > 0 ? {} : { settle: 'Who runs there: /launch host shows it.' }),
      covers: wouldCover(
        ['host.pinned-core', 'host.load', 'host.swap', 'host.iowait', 'host.backlog'],
        [target],
      ),
      evidence: found.flatMap((finding) => finding.evidence).slice(0, 4),
      proposals: [],
      ...(found.find((finding) => finding.advice)?.advice === undefined
        ? {}
        : { byHand: found.find((finding) => finding.advice)?.advice as string }),
    };
  },
});
