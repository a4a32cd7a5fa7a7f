import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { MysqlFacts } from '../facts.ts';
import { client, couldNotLook, each, holderTable, type Instance } from './shared.ts';

const Thresholds = z.object({
  warn: z.number().min(0).max(1).default(0.7).describe('Share of max_connections; where stock alerts begin.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share of max_connections; stock alerts call it critical: a burst of a launch takes the rest.'),
  clear: z.number().min(0).max(1).default(0.6).describe('Share of max_connections; where stock alerts end.'),
});
type Thresholds = z.infer<typeof Thresholds>;

export const connections = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.connections',
  question: 'Are connections well under the maximum?',
  thresholds: Thresholds,
  needs: ['activity'],
  falseAlarm:
    'A pool that opens all that it may at its start and keeps it, with max_connections made just above it on purpose.',
  judge(input) {
    const full = input.instances.filter((one) => one.facts.full === true);
    const verdicts = each(input, (instance) => judged(instance, input.thresholds));
    // `each` cannot look at a server that lets nobody in; here that is the answer.
    return verdicts.map((verdict, i) =>
      full.includes(input.instances[i] as Instance) ? refused(verdict) : verdict,
    );
  },
});

function refused(verdict: Verdict): Verdict {
  return {
    ...(verdict.subject === undefined ? {} : { subject: verdict.subject }),
    level: 'critical',
    certain: true,
    summary: 'The server refuses new connections: all that it may have are taken, and visitors get errors.',
    evidence: [
      { kind: 'note', text: 'It refused Warroom too (error 1040), so who holds them is not seen from here.' },
    ],
    advice:
      'One more connection is kept for administrators: SHOW PROCESSLIST there, KILL the sleeping sessions of whoever holds most. Then bound the pool of that application.',
  };
}

function judged({ facts, value }: Instance, thresholds: Thresholds): Verdict {
  const [used, most] = [value('mysql.connections'), value('mysql.connections_max')];
  if (used === undefined || most === undefined || most === 0)
    return couldNotLook('the server does not tell its connections.');
  const share = used / most;
  const { level, cleared, threshold } = grade(share, thresholds, 'above');
  const holders = facts.holders ?? [];
  const first = holders[0];
  const refusedNow = value('mysql.refused') ?? 0;
  const holds = first ? `; ${client(first)} holds ${first.sessions}, of which ${first.sleeping} sleep` : '';
  return {
    level: refusedNow > 0 ? 'critical' : level,
    cleared: cleared && refusedNow === 0,
    ...(refusedNow > 0 ? { certain: true } : {}),
    summary: `${used} of ${most} connections are taken, ${figure(share, 'share')} (limit ${figure(threshold, 'share')})${refusedNow > 0 ? `; ${figure(refusedNow, '/s')} are refused` : ''}${holds}.`,
    value: share,
    unit: 'share',
    threshold,
    evidence: [holderTable(holders)],
    ...(level === 'ok' && refusedNow === 0 ? {} : { advice: advice(first) }),
  };
}

function advice(first: NonNullable<MysqlFacts['holders']>[number] | undefined): string {
  if (first && first.sleeping / first.sessions > 0.5)
    return `Most of ${client(first)} sleep: are they needed? Bound its pool, or end what sleeps with wait_timeout; a pooler (ProxySQL, MaxScale) lets many share few.`;
  return 'They are at work: more connections would only wait for the same processors. See the long queries and the locks first.';
}
