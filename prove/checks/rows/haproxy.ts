import type { Lab } from '../../../lab/index.ts';
import type { LabRow, Row } from '../row.ts';
import { again, grown, near, percent, showStat } from './native.ts';

export const HAPROXY_ROWS: readonly Row[] = [
  {
    check: 'haproxy.backends',
    parts: ['web'],
    fault: 'backend-down',
    host: 'app2',
    evidence: [/app2/, /DOWN/, /L4CON|L4TOUT|L7/, /2 of 3 are up/, /health URL/],
    figure: async (lab, finding) => {
      const states = [...(await showStat(lab))]
        .filter(([name]) => name.startsWith('app'))
        .map(([name, row]) => `${name} ${row.status}`);
      const up = states.filter((state) => / UP\b/.test(state)).length;
      return near(finding, up, 0, `show stat: ${states.join(', ')}`);
    },
  },
  {
    check: 'haproxy.queue',
    parts: ['web'],
    fault: 'app-overload',
    clearsWithin: 120,
    mine: ({ subject }) => subject === undefined,
    evidence: [/app1/, /"waiting"/, /on average/, /application is busy/],
    figure: async (lab, finding) => {
      const now = await waiting(lab);
      return near(finding, now, Math.max(8, now * 0.4), `show stat: ${now} in queues (qcur)`);
    },
  },
  {
    check: 'haproxy.errors',
    parts: ['web'],
    fault: 'app-errors',
    evidence: [/app1/, /"tried again"/, /answers broken off/, /application itself fails: see its log/],
    figure: async (lab, finding, bot) => {
      const more = await grown(() => answers(lab), 14);
      const share = more.failed / more.all;
      return near(
        await again(bot, finding),
        share,
        Math.max(0.03, share * 0.3),
        `show stat: ${more.failed} of ${more.all} answers in ${more.seconds.toFixed(0)} s were 5xx, ${percent(share)}`,
      );
    },
  },
] satisfies LabRow[];

async function waiting(lab: Lab): Promise<number> {
  const rows = [...(await showStat(lab)).values()].filter((row) => row.pxname === 'shop');
  return rows.reduce((sum, row) => sum + Number(row.qcur ?? 0), 0);
}

async function answers(lab: Lab) {
  const row = (await showStat(lab)).get('BACKEND');
  return { failed: Number(row?.hrsp_5xx), all: Number(row?.req_tot) };
}
