import { z } from 'zod';
import { lasted } from '../../../message/figures.ts';
import { defineCheck, type Verdict } from '../../contract.ts';
import type { HaproxyFacts, ServerRow } from '../facts.ts';
import { isTakenOut, isUp } from '../measure.ts';
import { servers, serverTable } from './shared.ts';

const Backends = z.object({
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of servers that are down; the other half takes twice its load.'),
});

export const backends = defineCheck<HaproxyFacts, z.infer<typeof Backends>>({
  id: 'haproxy.backends',
  question: 'Are all servers up?',
  thresholds: Backends,
  needs: ['stats'],
  falseAlarm:
    'A server stopped on purpose without being put into maintenance. One in maintenance or draining is not counted.',
  judge({ instances, thresholds }) {
    const rows = servers(instances).filter((server) => !isTakenOut(server));
    const down = rows.filter((server) => !isUp(server));
    const names = new Set(down.map((server) => server.name));
    const evidence = [serverTable(instances)];
    if (rows.length === 0)
      return [
        {
          level: 'critical',
          certain: true,
          summary: 'Every server of the backend is in maintenance or draining: nothing is served.',
          evidence,
          advice: 'Put one back: set server <backend>/<server> state ready.',
        },
      ];
    if (down.length === 0)
      return [
        {
          level: 'ok',
          summary: `${rows.length} of ${rows.length} servers are up.`,
          value: rows.length,
          unit: 'count',
          evidence,
        },
      ];
    const level = down.length / rows.length >= thresholds.critical ? 'critical' : 'warn';
    return [...names].map((name): Verdict => {
      const server = down.find((one) => one.name === name) as ServerRow;
      return {
        subject: name,
        level,
        certain: true,
        summary: `Server ${name} is ${server.status} for ${lasted(server.sinceSeconds * 1000)} (${server.checkStatus || 'no check result'}); ${rows.length - down.length} of ${rows.length} are up.`,
        value: rows.length - down.length,
        unit: 'count',
        threshold: rows.length,
        evidence,
        advice: 'See whether its application runs and answers the health URL; a spare can take its place.',
      };
    });
  },
});
